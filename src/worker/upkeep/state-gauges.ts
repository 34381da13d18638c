import type { BatchCounter } from '../../domain/status.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { Repeating } from '../../timing/repeating.ts';

/** Keeps the gauges of batches and pending inputs at what the database says. */
export class StateGauges implements Service {
  readonly name = 'state-gauges';
  private readonly loop: Repeating;

  constructor(deps: {
    readonly batches: BatchCounter;
    readonly metrics: Metrics;
    readonly log: Logger;
    readonly intervalMs: number;
  }) {
    const { batches, metrics, log, intervalMs } = deps;
    const read = async (): Promise<void> => {
      const counts = await batches.counts();
      metrics.batches.set({ state: 'announced' }, counts.announcedCount);
      metrics.batches.set({ state: 'open' }, counts.openCount);
      metrics.pendingInputs.set(counts.pendingCount);
      metrics.pendingOldestAge.set(counts.pendingOldestAgeSeconds);
    };
    this.loop = new Repeating(read, intervalMs, (error) => log.warn({ err: error }, 'gauges could not be read'));
  }

  async start(): Promise<void> {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }
}
