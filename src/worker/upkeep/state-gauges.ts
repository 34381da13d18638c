/**
 * The gauges of what the service holds: batches and pending inputs by what the database says, partitions by the intake.
 * One instance at a time asks the database, and all others show 0: of these gauges the largest is the truth.
 */
import type { TopicPartition } from '../../domain/ports.ts';
import type { BatchCounts, UpkeepStore } from '../../domain/upkeep-store.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { Repeating } from '../../timing/repeating.ts';

/** The turn of an instance that has gone is free after so many intervals. */
const TURN_INTERVALS = 3;
const NOT_ASKED: BatchCounts = {
  announcedCount: 0,
  openCount: 0,
  pendingCount: 0,
  announcedOldestAgeSeconds: 0,
  openOldestAgeSeconds: 0,
  pendingOldestAgeSeconds: 0,
};

export class StateGauges implements Service {
  readonly name = 'state-gauges';
  private readonly loop: Repeating;

  constructor(deps: {
    readonly upkeep: Pick<UpkeepStore, 'takeTurn' | 'counts'>;
    readonly metrics: Metrics;
    readonly log: Logger;
    readonly intervalMs: number;
  }) {
    const { upkeep, metrics, log, intervalMs } = deps;
    const read = async (): Promise<void> => {
      const counts = (await upkeep.takeTurn('count', intervalMs * TURN_INTERVALS)) ? await upkeep.counts() : NOT_ASKED;
      metrics.batches.set({ state: 'announced' }, counts.announcedCount);
      metrics.batches.set({ state: 'open' }, counts.openCount);
      metrics.batchOldestAge.set({ state: 'announced' }, counts.announcedOldestAgeSeconds);
      metrics.batchOldestAge.set({ state: 'open' }, counts.openOldestAgeSeconds);
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
