/**
 * The gauges of what the service holds: batches and pending inputs by what the database says, partitions by the intake.
 */
import type { TopicPartition } from '../../domain/ports.ts';
import type { BatchCounter } from '../../domain/status.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { Repeating } from '../../timing/repeating.ts';

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

/**
 * Shows at every scrape how many partitions of each topic this instance owns: 0 where it owns none, so that a topic
 * that nobody consumes is a sum of 0 and not a gap.
 */
export function showAssignment(deps: {
  readonly intake: { partitions(): readonly TopicPartition[] };
  readonly topics: readonly string[];
  /** The contract's name of a topic of this deployment. */
  readonly topicLabel: (topic: string) => string;
  readonly metrics: Metrics;
}): void {
  const { intake, topics, topicLabel, metrics } = deps;
  metrics.atScrape(() => {
    const owned = intake.partitions();
    for (const topic of topics) {
      const count = owned.filter((partition) => partition.topic === topic).length;
      metrics.assignedPartitions.set({ topic: topicLabel(topic) }, count);
    }
  });
}
