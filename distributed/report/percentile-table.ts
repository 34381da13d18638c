/** The percentiles that are always told together, by measure, over a whole run. */
import type { Histogram } from 'hdr-histogram-js';
import { type LatencyInterval, percentileMs, totalOf } from '../run/latency-log.ts';

/** Of a normal distribution, 99% lie within so many standard deviations. */
const DEVIATIONS = 2.576;

export const PERCENTILES = [50, 90, 95, 99, 99.9, 100] as const;

export interface LatencyRow {
  readonly measure: string;
  readonly count: number;
  /** In milliseconds, in the order of PERCENTILES. */
  readonly valuesMs: readonly number[];
  /**
   * Where the true percentiles lie with 99% confidence, whatever the distribution: `highMs` is infinite where too few
   * samples are beyond the percentile to say.
   */
  readonly confidences: readonly Confidence[];
}

export interface Confidence {
  readonly lowMs: number;
  readonly highMs: number;
}

export function percentileName(percentile: number): string {
  return percentile === 100 ? 'max' : `P${percentile}`;
}

export function latencyRows(latencies: ReadonlyMap<string, LatencyInterval[]>): LatencyRow[] {
  return [...latencies].map(([measure, intervals]) => {
    const total = totalOf(intervals);
    const valuesMs = PERCENTILES.map((percentile) => percentileMs(total, percentile));
    const confidences = PERCENTILES.map((percentile) => confidenceOf(total, percentile));
    return { measure, count: total.totalCount, valuesMs, confidences };
  });
}

/** The rank of a percentile is binomial; its deviation, laid off on the samples, gives the interval. */
function confidenceOf(total: Histogram, percentile: number): Confidence {
  const part = percentile / 100;
  const deviation = 100 * DEVIATIONS * Math.sqrt((part * (1 - part)) / Math.max(1, total.totalCount));
  const high = percentile + deviation;
  return {
    lowMs: percentileMs(total, Math.max(0, percentile - deviation)),
    highMs: high >= 100 ? Number.POSITIVE_INFINITY : percentileMs(total, high),
  };
}
