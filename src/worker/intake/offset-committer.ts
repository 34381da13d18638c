/**
 * Tells how far the partitions of the current epoch are resolved, to the source, which tells the database and then the
 * broker: one commit at a time, only what changed, never past an unresolved record, never for an epoch that has ended.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { PartitionOffset, RecordSource } from '../../domain/ports.ts';
import { isRetryable } from '../../errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { backoffMs } from '../../timing/backoff.ts';
import type { OwnedPartition } from './owned-partition.ts';
import type { OwnedPartitions } from './owned-partitions.ts';

export interface OffsetCommitterDeps {
  readonly source: RecordSource;
  /** Those of the current epoch. */
  readonly owned: () => OwnedPartitions;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** After each successful commit, the partitions that moved. Not called for an epoch that has ended meanwhile. */
  readonly onCommitted: (moved: readonly OwnedPartition[]) => void;
  /** The broker refused for good. */
  readonly onFatal: (error: unknown) => void;
  readonly retryDelayMinMs: number;
  readonly retryDelayMaxMs: number;
}

export class OffsetCommitter {
  private readonly deps: OffsetCommitterDeps;
  private running: Promise<boolean> | undefined;

  constructor(deps: OffsetCommitterDeps) {
    this.deps = deps;
  }

  /** True when the broker knows everything resolved before the call. Callers that meet share one commit. */
  async commit(): Promise<boolean> {
    // The one under way may have read its offsets before the caller's record was resolved.
    if (this.running !== undefined) await this.running;
    this.running ??= this.commitOnce(this.deps.owned()).finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  /** Commits, and tries again until the broker knows or the time is over. */
  async commitUntil(deadlineMs: number): Promise<void> {
    const { retryDelayMinMs, retryDelayMaxMs } = this.deps;
    for (let failureCount = 1; !(await this.commit()); failureCount += 1) {
      const delayMs = backoffMs(failureCount, retryDelayMinMs, retryDelayMaxMs);
      if (performance.now() + delayMs >= deadlineMs) return;
      await delay(delayMs);
    }
  }

  private async commitOnce(owned: OwnedPartitions): Promise<boolean> {
    const moves: { readonly partition: OwnedPartition; readonly offset: PartitionOffset }[] = [];
    for (const partition of owned.all) {
      const offset = partition.uncommitted();
      if (offset !== undefined) moves.push({ partition, offset });
    }
    if (owned.epoch === null || moves.length === 0) return true;
    try {
      await this.deps.source.commit(
        owned.epoch,
        moves.map(({ offset }) => offset),
      );
    } catch (error) {
      // An epoch that has ended has nothing to commit any more.
      if (!owned.isCurrent) return true;
      this.failed(owned, error);
      return false;
    }
    if (!owned.isCurrent) return true;
    for (const { partition, offset } of moves) partition.noteCommitted(offset.offsetNext);
    this.deps.onCommitted(moves.map(({ partition }) => partition));
    return true;
  }

  private failed(owned: OwnedPartitions, error: unknown): void {
    if (!isRetryable(error)) {
      this.deps.onFatal(error);
      return;
    }
    this.deps.metrics.retries.inc({ reason: 'commit' });
    this.deps.log.warn({ err: error }, 'commit of offsets failed, to be tried again');
    owned.dependencyFailed();
  }
}
