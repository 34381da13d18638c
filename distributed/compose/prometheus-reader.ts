/** What the stack's own Prometheus knows: whom it reaches, and what the workers said while the run lasted. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Journal } from '../engine/journal.ts';
import { COUNTERS } from '../judge/races/count-races.ts';
import { activeTargets, queryRange, type Target } from '../observe/prometheus-client.ts';

/** By the names that `metrics.jsonl` has; the step is the scrape interval. */
const SERIES: Readonly<Record<string, string>> = {
  rss_bytes: 'process_resident_memory_bytes{job="worker"}',
  cpu_fraction: 'rate(process_cpu_seconds_total{job="worker"}[15s])',
  event_loop_lag_seconds: 'els_event_loop_lag_seconds{job="worker"}',
  buffered_records: 'sum by (instance) (els_intake_buffered_records)',
  [COUNTERS.inputs]: 'sum by (instance) (els_inputs_total)',
  [COUNTERS.busyBatches]: 'sum by (instance) (els_batches_parked_total{because="busy"})',
  [COUNTERS.uniqueConflicts]: 'sum by (instance) (els_database_errors_total{sqlstate="23505"})',
  [COUNTERS.rebalances]: 'sum by (instance) (els_rebalances_total)',
};
const STEP_MS = 5_000;
const LOOK_AGAIN_MS = 500;

export class PrometheusReader {
  private readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Looks until all are as wanted or the time is over; answers the last look. */
  async targetsWhen(isWanted: (targets: readonly Target[]) => boolean, limitMs: number, signal: AbortSignal) {
    const giveUpAtMs = Date.now() + limitMs;
    for (;;) {
      const targets = await activeTargets(this.url);
      if (isWanted(targets) || Date.now() > giveUpAtMs) return targets;
      await sleep(LOOK_AGAIN_MS, undefined, { signal });
    }
  }

  /** The workers' series of the run so far, for plots and counts, under the names of their containers. */
  async copySeries(journal: Journal, nameOf: (instance: string) => string): Promise<void> {
    const fromMs = journal.clock.startedAt.getTime();
    for (const [metric, query] of Object.entries(SERIES)) {
      const result = await queryRange(this.url, query, { fromMs, toMs: Date.now(), stepMs: STEP_MS });
      for (const series of result) {
        for (const [seconds, value] of series.values) {
          const wallMs = Math.round(seconds * 1_000);
          journal.metric(nameOf(series.metric['instance'] ?? ''), metric, Number(value), {
            wallMs,
            monoMs: wallMs - fromMs,
          });
        }
      }
    }
  }
}
