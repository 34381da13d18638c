/**
 * The store of marks as the intake uses it: one call at a time and in order (a clear of the last epoch never overtakes
 * the marks of the next). Protection against poison records is worth less than consumption: a store that does not answer
 * is not waited for.
 */
import type { MarkedStretch, PoisonMarkStore, RecordOffset, TopicPartition } from '../../domain/ports.ts';
import { isRetryable } from '../../errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { settledWithin } from '../../timing/deadline.ts';
import { retrying } from '../../timing/retrying.ts';

const MARK_WAIT_MS_MAX = 1000;
const CLEAR_TRIES_MAX = 3;

export interface PoisonMarksDeps {
  readonly store: PoisonMarkStore;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly retryDelayMinMs: number;
  readonly retryDelayMaxMs: number;
}

export class PoisonMarks {
  private readonly deps: PoisonMarksDeps;
  private last: Promise<unknown> = Promise.resolve();
  private isLate = false;
  private isFailing = false;

  constructor(deps: PoisonMarksDeps) {
    this.deps = deps;
  }

  /** Resolves when they are marked, or too late for that. A late mark is still written, and passed by the next position. */
  async mark(stretches: readonly MarkedStretch[]): Promise<void> {
    if (this.isLate) return;
    const marking = this.inOrder(async () => {
      try {
        await this.deps.store.mark(stretches);
        this.isFailing = false;
      } catch (error) {
        this.failed(error);
      }
    });
    this.isLate = !(await settledWithin(marking, MARK_WAIT_MS_MAX));
    if (!this.isLate) return;
    void marking.finally(() => {
      this.isLate = false;
    });
  }

  /** How often the record was marked before; undefined when the store cannot say and never will. Rejects retryably. */
  markRecord({ topic, partition, offset }: RecordOffset): Promise<number | undefined> {
    return this.inOrder(async () => {
      try {
        return await this.deps.store.markRecord({ topic, partition, offset });
      } catch (error) {
        if (isRetryable(error)) throw error;
        this.failed(error);
        return undefined;
      }
    });
  }

  /** Takes our marks from the partitions, best effort: one left behind costs the next owner a search. */
  clear(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return Promise.resolve();
    const plain = partitions.map(({ topic, partition }) => ({ topic, partition }));
    const { metrics, retryDelayMinMs: delayMinMs, retryDelayMaxMs: delayMaxMs } = this.deps;
    const mayRetry = (error: unknown, failureCount: number) => {
      if (failureCount >= CLEAR_TRIES_MAX || !isRetryable(error)) return false;
      metrics.retries.inc({ reason: 'attempts' });
      return true;
    };
    return this.inOrder(async () => {
      try {
        await retrying(() => this.deps.store.clear(plain), { delayMinMs, delayMaxMs, mayRetry });
      } catch (error) {
        this.failed(error);
      }
    });
  }

  private inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.last.then(call);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Told once, until it works again. */
  private failed(error: unknown): void {
    if (this.isFailing) return;
    this.isFailing = true;
    this.deps.log.error({ err: error }, 'records in hand cannot be marked, going on without marks');
  }
}
