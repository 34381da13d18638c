/**
 * Latencies of one measure over time: `latencies/<measure>.hdr`, a histogram log in the format every HdrHistogram tool
 * reads (one base64 histogram per interval), values in microseconds. Values are kept to three digits. Memory is
 * bounded: past `INTERVALS_MAX` intervals, neighbours are merged and an interval is twice as long.
 */
import { build, decodeFromCompressedBase64, type Histogram, HistogramLogWriter } from 'hdr-histogram-js';
import { RunDirectoryError } from './run-directory-error.ts';

const INTERVALS_MAX = 240;
const FIRST_INTERVAL_MS = 1_000;
const DIGITS = 3;
const MICROSECONDS = 1_000;
/** One hour: what waits longer is said to have waited so long. */
const VALUE_MAX = 3_600_000 * MICROSECONDS;

export interface LatencyInterval {
  readonly startWallMs: number;
  readonly endWallMs: number;
  /** In microseconds. */
  readonly histogram: Histogram;
}

export class LatencyRecorder {
  private intervalMs = FIRST_INTERVAL_MS;
  private intervals = new Map<number, Histogram>();

  /** In any order of time. A latency below zero is a clock's fault and counts as zero. */
  record(latencyMs: number, wallMs: number): void {
    const index = Math.floor(wallMs / this.intervalMs);
    let histogram = this.intervals.get(index);
    if (histogram === undefined) {
      histogram = newHistogram();
      this.intervals.set(index, histogram);
    }
    histogram.recordValue(Math.min(VALUE_MAX, Math.max(0, Math.round(latencyMs * MICROSECONDS))));
    if (this.intervals.size > INTERVALS_MAX) this.widen();
  }

  /** All intervals as one. */
  total(): Histogram {
    return totalOf(this.toIntervals());
  }

  toIntervals(): LatencyInterval[] {
    const sorted = [...this.intervals].sort(([left], [right]) => left - right);
    return sorted.map(([index, histogram]) => ({
      startWallMs: index * this.intervalMs,
      endWallMs: (index + 1) * this.intervalMs,
      histogram,
    }));
  }

  private widen(): void {
    this.intervalMs *= 2;
    const merged = new Map<number, Histogram>();
    for (const [index, histogram] of this.intervals) {
      const target = merged.get(Math.floor(index / 2));
      if (target === undefined) merged.set(Math.floor(index / 2), histogram);
      else target.add(histogram);
    }
    this.intervals = merged;
  }
}

export function formatLatencyLog(intervals: readonly LatencyInterval[]): string {
  let text = '';
  const writer = new HistogramLogWriter((content) => {
    text += content;
  });
  writer.outputLogFormatVersion();
  writer.outputComment('values in microseconds, maxima in milliseconds');
  writer.outputLegend();
  for (const { histogram, startWallMs, endWallMs } of intervals) {
    writer.outputIntervalHistogram(histogram, startWallMs / 1_000, endWallMs / 1_000, MICROSECONDS);
  }
  return text;
}

export function parseLatencyLog(text: string): LatencyInterval[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('"'));
  return lines.map((line) => {
    const [start, length, , base64] = line.split(',');
    const startWallMs = Number(start) * 1_000;
    const endWallMs = startWallMs + Number(length) * 1_000;
    if (base64 === undefined || !Number.isFinite(endWallMs)) throw new RunDirectoryError('not a histogram log line');
    try {
      const histogram = decodeFromCompressedBase64(base64, 32);
      return { startWallMs: Math.round(startWallMs), endWallMs: Math.round(endWallMs), histogram };
    } catch (error) {
      throw new RunDirectoryError('not a base64 histogram', { cause: error });
    }
  });
}

export function totalOf(intervals: readonly LatencyInterval[]): Histogram {
  const total = newHistogram();
  for (const { histogram } of intervals) total.add(histogram);
  return total;
}

export function percentileMs(histogram: Histogram, percentile: number): number {
  return histogram.getValueAtPercentile(percentile) / MICROSECONDS;
}

function newHistogram(): Histogram {
  return build({ bitBucketSize: 32, numberOfSignificantValueDigits: DIGITS });
}
