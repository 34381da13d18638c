/** The percentiles that are always told together, by measure, over a whole run. */
import { type LatencyInterval, percentileMs, totalOf } from '../run/latency-log.ts';

export const PERCENTILES = [50, 90, 95, 99, 99.9, 100] as const;

export interface LatencyRow {
  readonly measure: string;
  readonly count: number;
  /** In milliseconds, in the order of PERCENTILES. */
  readonly valuesMs: readonly number[];
}

export function percentileName(percentile: number): string {
  return percentile === 100 ? 'max' : `P${percentile}`;
}

export function latencyRows(latencies: ReadonlyMap<string, LatencyInterval[]>): LatencyRow[] {
  return [...latencies].map(([measure, intervals]) => {
    const total = totalOf(intervals);
    const valuesMs = PERCENTILES.map((percentile) => percentileMs(total, percentile));
    return { measure, count: total.totalCount, valuesMs };
  });
}
