/**
 * The store of marks as the intake uses it: one call at a time and in order (a clear of the last epoch never overtakes
 * the marks of the next), transient failures tried again a bounded number of times. Protection against poison records
 * is worth less than consumption: when the store stays out of reach, work goes on without it.
 */
import type { PartitionOffset, PoisonMarkStore, RecordOffset, TopicPartition } from '../../domain/ports.ts';
import { isRetryable } from '../../errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { retrying } from '../../timing/retrying.ts';
import type { OwnedPartitions } from './owned-partitions.ts';

const MARK_TRIES_MAX = 10;
const CLEAR_TRIES_MAX = 3;

export interface PoisonMarksDeps {
  readonly store: PoisonMarkStore;
  readonly instance: string;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly retryDelayMinMs: number;
  readonly retryDelayMaxMs: number;
}

export class PoisonMarks {
  private readonly deps: PoisonMarksDeps;
  private last: Promise<unknown> = Promise.resolve();

  constructor(deps: PoisonMarksDeps) {
    this.deps = deps;
  }

  /**
   * Marks partitions as ours at these positions. Answers, parallel to them, how many owners in a row ended uncleanly
   * there; undefined without the store, or when the epoch ended first.
   */
  markPartitions(
    epoch: OwnedPartitions,
    positions: readonly PartitionOffset[],
  ): Promise<readonly number[] | undefined> {
    return this.inOrder(async () => {
      if (!epoch.isCurrent) return undefined;
      const call = () => this.deps.store.markPartitions(positions, this.deps.instance);
      // The end of the epoch ends the tries: the next epoch stands in line behind us.
      return this.tried('mark', MARK_TRIES_MAX, call, epoch);
    });
  }

  /** How often the record was marked before; undefined when the store cannot say and never will. Rejects retryably. */
  markRecord({ topic, partition, offset }: RecordOffset): Promise<number | undefined> {
    return this.inOrder(async () => {
      try {
        return await this.deps.store.markRecord({ topic, partition, offset });
      } catch (error) {
        if (isRetryable(error)) throw error;
        this.deps.log.error({ err: error, topic, partition }, 'poison marks failed, going on without them');
        return undefined;
      }
    });
  }

  /** Takes our marks from the partitions, best effort: one left behind costs the next owner a search. */
  clear(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return Promise.resolve();
    const plain = partitions.map(({ topic, partition }) => ({ topic, partition }));
    const call = () => this.deps.store.clear(plain, this.deps.instance);
    return this.inOrder(() => this.tried('clear', CLEAR_TRIES_MAX, call));
  }

  private inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.last.then(call);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Undefined when the store stays out of reach. */
  private async tried<T>(
    what: string,
    triesMax: number,
    call: () => Promise<T>,
    epoch?: OwnedPartitions,
  ): Promise<T | undefined> {
    const { metrics, log, retryDelayMinMs: delayMinMs, retryDelayMaxMs: delayMaxMs } = this.deps;
    const mayRetry = (error: unknown, failureCount: number) => {
      epoch?.dependencyFailed();
      if (failureCount >= triesMax || !isRetryable(error)) return false;
      metrics.retries.inc({ reason: 'attempts' });
      return true;
    };
    try {
      return await retrying(call, { delayMinMs, delayMaxMs, mayRetry, signal: epoch?.ended });
    } catch (error) {
      if (epoch?.isCurrent !== false) log.error({ err: error, what }, 'poison marks failed, going on without them');
      return undefined;
    }
  }
}
