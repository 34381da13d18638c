import { setTimeout as delay } from 'node:timers/promises';
import type { PartitionOffset, RecordSource } from '../../domain/ports.ts';
import { isRetryable } from '../../errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { backoffMs } from '../../timing/backoff.ts';
import type { Lane } from './owned-partition.ts';
import type { LaneSet } from './owned-partitions.ts';

export interface OffsetCommitterDeps {
  readonly source: RecordSource;
  readonly lanes: LaneSet;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** After each successful commit, the lanes that moved. Not called for an epoch that has ended meanwhile. */
  readonly onCommitted: (lanes: readonly Lane[]) => void;
  /** The broker did not answer; the same offsets are tried at the next call. */
  readonly onFailure: () => void;
  /** The broker refused for good. */
  readonly onFatal: (error: unknown) => void;
  readonly retryDelayMinMs: number;
  readonly retryDelayMaxMs: number;
}

/**
 * Tells the broker how far the lanes of the current epoch are resolved: one commit at a time, only what changed, never
 * past an unresolved record, never for an epoch that has ended.
 */
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
    this.running ??= this.commitOnce().finally(() => {
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

  private async commitOnce(): Promise<boolean> {
    const { source, lanes, onCommitted } = this.deps;
    const { epoch } = lanes;
    const moved: Lane[] = [];
    const offsets: PartitionOffset[] = [];
    for (const lane of lanes.all) {
      const { offsetNext } = lane.buffer;
      if (offsetNext === lane.committedNext) continue;
      moved.push(lane);
      offsets.push({ topic: lane.topic, partition: lane.partition, offsetNext });
    }
    if (epoch === null || offsets.length === 0) return true;
    try {
      await source.commit(epoch, offsets);
    } catch (error) {
      // The failure of an epoch that is over concerns nobody.
      if (epoch !== lanes.epoch) return true;
      this.failed(error);
      return false;
    }
    if (epoch !== lanes.epoch) return true;
    for (const [index, lane] of moved.entries()) lane.committedNext = offsets[index]?.offsetNext ?? lane.committedNext;
    onCommitted(moved);
    return true;
  }

  private failed(error: unknown): void {
    if (!isRetryable(error)) {
      this.deps.onFatal(error);
      return;
    }
    this.deps.metrics.retries.inc({ reason: 'commit' });
    this.deps.log.warn({ err: error }, 'commit of offsets failed, to be tried again');
    this.deps.onFailure();
  }
}
