import type { TopicPartition } from '../../domain/ports.ts';
import type { Metrics } from '../../telemetry/metrics.ts';

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
