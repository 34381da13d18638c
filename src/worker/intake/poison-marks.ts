import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptStore, PartitionOffset, TopicPartition } from '../../domain/ports.ts';
import { isRetryable } from '../../errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { backoffMs } from '../../timing/backoff.ts';

const TRIES_MAX = 10;
const CLEAR_TRIES_MAX = 3;

export interface CrashSuspectsDeps {
  readonly store: AttemptStore;
  readonly instance: string;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly retryDelayMinMs: number;
  readonly retryDelayMaxMs: number;
}

/**
 * The attempt store as the intake uses it: one call at a time and in order (a clear of the last epoch never overtakes
 * the begin of the next), transient failures tried again a bounded number of times. Protection against records that
 * crash the process is worth less than consumption: when the store stays out of reach, work goes on without it.
 */
export class CrashSuspects {
  private readonly deps: CrashSuspectsDeps;
  private last: Promise<unknown> = Promise.resolve();

  constructor(deps: CrashSuspectsDeps) {
    this.deps = deps;
  }

  /**
   * How many owners in a row ended uncleanly at each position, parallel to the positions; zeros without the store.
   * `isCurrent` ends the tries when the answer has lost its use; `onFailure` hears of every failed one.
   */
  begin(positions: readonly PartitionOffset[], isCurrent: () => boolean, onFailure: () => void): Promise<number[]> {
    return this.inOrder(async () => {
      const call = () => this.deps.store.begin(positions, this.deps.instance);
      const attempts = (await this.tried('begin', TRIES_MAX, call, isCurrent, onFailure)) ?? [];
      return positions.map(
        (position) =>
          attempts.find((one) => one.topic === position.topic && one.partition === position.partition)?.uncleanCount ??
          0,
      );
    });
  }

  /** How often the record was named before; undefined when the store cannot say and never will. Rejects retryably. */
  suspect(record: TopicPartition & { offset: number }): Promise<number | undefined> {
    const { topic, partition, offset } = record;
    return this.inOrder(async () => {
      try {
        return await this.deps.store.suspect({ topic, partition, offset });
      } catch (error) {
        if (isRetryable(error)) throw error;
        this.deps.log.error({ err: error, topic, partition }, 'attempt store failed, going on without it');
        return undefined;
      }
    });
  }

  /** Forgets the partitions, best effort: a mark left behind costs the next owner some careful records. */
  clear(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return Promise.resolve();
    const plain = partitions.map(({ topic, partition }) => ({ topic, partition }));
    return this.inOrder(async () => {
      await this.tried('clear', CLEAR_TRIES_MAX, () => this.deps.store.clear(plain, this.deps.instance));
    });
  }

  private inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.last.then(call);
    this.last = result.catch(() => undefined);
    return result;
  }

  private async tried<T>(
    what: string,
    triesMax: number,
    call: () => Promise<T>,
    isCurrent = () => true,
    onFailure = () => {},
  ): Promise<T | undefined> {
    const { metrics, log, retryDelayMinMs, retryDelayMaxMs } = this.deps;
    for (let failureCount = 1; isCurrent(); failureCount += 1) {
      try {
        return await call();
      } catch (error) {
        onFailure();
        if (failureCount >= triesMax || !isRetryable(error)) {
          log.error({ err: error, what, failureCount }, 'attempt store failed, going on without it');
          return undefined;
        }
        metrics.retries.inc({ reason: 'attempts' });
        const delayMs = backoffMs(failureCount, retryDelayMinMs, retryDelayMaxMs);
        await delay(delayMs);
      }
    }
    return undefined;
  }
}
