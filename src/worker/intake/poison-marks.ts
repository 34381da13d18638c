import { setTimeout as delay } from 'node:timers/promises';
import type { PartitionOffset, PoisonMarkStore, RecordOffset, TopicPartition } from '../../domain/ports.ts';
import { isRetryable } from '../../errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { backoffMs } from '../../timing/backoff.ts';
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

/**
 * The store of marks as the intake uses it: one call at a time and in order (a clear of the last epoch never overtakes
 * the marks of the next), transient failures tried again a bounded number of times. Protection against poison records is
 * worth less than consumption: when the store stays out of reach, work goes on without it.
 */
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
      for (let failureCount = 1; epoch.isCurrent; failureCount += 1) {
        try {
          return await this.deps.store.markPartitions(positions, this.deps.instance);
        } catch (error) {
          epoch.dependencyFailed();
          if (this.givesUp('mark', error, failureCount, MARK_TRIES_MAX)) return undefined;
          // Cut short by the end of the epoch: the next one stands in line behind us.
          await this.pause(failureCount, epoch.ended);
        }
      }
      return undefined;
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
    return this.inOrder(async () => {
      for (let failureCount = 1; ; failureCount += 1) {
        try {
          return await this.deps.store.clear(plain, this.deps.instance);
        } catch (error) {
          if (this.givesUp('clear', error, failureCount, CLEAR_TRIES_MAX)) return;
          await this.pause(failureCount);
        }
      }
    });
  }

  private inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.last.then(call);
    this.last = result.catch(() => undefined);
    return result;
  }

  private givesUp(what: string, error: unknown, failureCount: number, triesMax: number): boolean {
    const isLast = failureCount >= triesMax || !isRetryable(error);
    if (isLast) this.deps.log.error({ err: error, what, failureCount }, 'poison marks failed, going on without them');
    else this.deps.metrics.retries.inc({ reason: 'attempts' });
    return isLast;
  }

  private async pause(failureCount: number, signal?: AbortSignal): Promise<void> {
    const { retryDelayMinMs, retryDelayMaxMs } = this.deps;
    const delayMs = backoffMs(failureCount, retryDelayMinMs, retryDelayMaxMs);
    await delay(delayMs, undefined, { ...(signal !== undefined && { signal }) }).catch((error: unknown) => {
      if (signal?.aborted !== true) throw error;
    });
  }
}
