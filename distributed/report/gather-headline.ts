/** What an operator asks after the verdict: how much, how fast, how late. From the histograms of a run or of a part. */
import type { LatencyInterval } from '../run/latency-log.ts';
import { type LatencyRow, latencyRows, PERCENTILES } from './percentile-table.ts';

export interface Headline {
  readonly title: string;
  readonly count: number;
  /** From the first second with one to the last. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const TITLES: Readonly<Record<string, string>> = { completion: 'Completions', 'slot-assigned': 'Slots assigned' };

export function gatherHeadlines(latencies: ReadonlyMap<string, LatencyInterval[]>): Headline[] {
  return latencyRows(latencies).map((row) => {
    const intervals = latencies.get(row.measure) ?? [];
    const fromMs = Math.min(...intervals.map(({ startWallMs }) => startWallMs));
    const toMs = Math.max(...intervals.map(({ endWallMs }) => endWallMs));
    return {
      title: TITLES[row.measure] ?? row.measure.replace(/[-_]/g, ' '),
      count: row.count,
      perSecond: row.count / Math.max(1, (toMs - fromMs) / 1_000),
      p50Ms: valueAt(row, 50),
      p99Ms: valueAt(row, 99),
    };
  });
}

function valueAt({ valuesMs }: LatencyRow, percentile: (typeof PERCENTILES)[number]): number {
  return valuesMs[PERCENTILES.indexOf(percentile)] ?? Number.NaN;
}
