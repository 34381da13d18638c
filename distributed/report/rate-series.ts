/**
 * Events per second over time, from their instants in any order. A second without events counts as zero. Memory is
 * bounded: past `BINS_MAX` bins, neighbours are merged and a bin is twice as long.
 */
import { MinMaxSeries } from './min-max-series.ts';

const BINS_MAX = 4_096;
/** A week. A record may carry any time at all; one so far away was not made by this run. */
const RUN_SECONDS_MAX = 7 * 86_400;

export class RateSeries {
  private binSeconds = 1;
  private bins = new Map<number, number>();

  /** Seconds since the run began. */
  add(x: number): void {
    if (!(Math.abs(x) <= RUN_SECONDS_MAX)) return;
    const index = Math.floor(x / this.binSeconds);
    this.bins.set(index, (this.bins.get(index) ?? 0) + 1);
    while (this.bins.size > BINS_MAX) this.widen();
  }

  toSeries(): MinMaxSeries {
    const series = new MinMaxSeries();
    const indexes = [...this.bins.keys()].sort((left, right) => left - right);
    const [first, last] = [indexes[0], indexes.at(-1)];
    if (first === undefined || last === undefined) return series;
    for (let index = first - 1; index <= last + 1; index++) {
      series.add((index + 0.5) * this.binSeconds, (this.bins.get(index) ?? 0) / this.binSeconds);
    }
    return series;
  }

  private widen(): void {
    this.binSeconds *= 2;
    const merged = new Map<number, number>();
    for (const [index, count] of this.bins) {
      const target = Math.floor(index / 2);
      merged.set(target, (merged.get(target) ?? 0) + count);
    }
    this.bins = merged;
  }
}
