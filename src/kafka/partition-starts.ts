/**
 * Where the partitions of an epoch begin: at the smaller of the position that Kafka has and the one that the database
 * has. Asked until it is known or the epoch ends; nothing is handed over before. A partition of which Kafka knows
 * nothing begins at the beginning of its log, whatever the database knows: its topic may have been made anew.
 */
import type { PartitionOffset, PartitionProgressStore, PartitionStart, TopicPartition } from '../domain/ports.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { retrying } from '../timing/retrying.ts';
import { type ConsumerEpoch, keyOf } from './consumer-epoch.ts';

const ASK_MS_MIN = 100;
const ASK_MS_MAX = 3000;

export class PartitionStarts {
  private readonly progress: PartitionProgressStore;
  private readonly metrics: Metrics;
  private readonly log: Logger;
  /** Where logs begin that lie under the name of a former one. */
  private readonly replaced = new Map<string, number>();

  constructor({ progress, metrics, log }: { progress: PartitionProgressStore; metrics: Metrics; log: Logger }) {
    this.progress = progress;
    this.metrics = metrics;
    this.log = log;
  }

  /** The next epoch begins there, whatever was committed. */
  restartAt(partition: TopicPartition, offsetFirst: number): void {
    this.replaced.set(keyOf(partition), offsetFirst);
  }

  /** Parallel to what is committed; null when the epoch ended first. */
  async of(epoch: ConsumerEpoch, committed: readonly PartitionOffset[]): Promise<PartitionStart[] | null> {
    const asked = committed.map(({ topic, partition, offsetNext }) => {
      return { topic, partition, offsetNext: this.replaced.get(keyOf({ topic, partition })) ?? offsetNext };
    });
    const mayRetry = (error: unknown) => {
      this.metrics.retries.inc({ reason: 'positions' });
      this.log.warn({ err: error, epoch: epoch.number }, 'where to begin is not known yet, asking the database again');
      return true;
    };
    const retry = { delayMinMs: ASK_MS_MIN, delayMaxMs: ASK_MS_MAX, mayRetry, signal: epoch.ended };
    const starts = await retrying(() => this.progress.begin(asked), retry).catch((error: unknown) => {
      if (epoch.ended.aborted) return null;
      throw error;
    });
    if (starts === null || epoch.ended.aborted) return null;
    this.replaced.clear();
    const behind = starts.filter(({ offsetNext }, index) => offsetNext < (asked[index]?.offsetNext ?? 0));
    if (behind.length > 0)
      this.log.warn({ epoch: epoch.number, behind }, 'the database is behind Kafka, reading again');
    return starts;
  }
}
