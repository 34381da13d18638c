/**
 * From what the records of a group came to back to their partitions: each record is resolved, put back to be tried again
 * after a backoff of its partition, put aside with its batch, or awaited, once. Of an ended epoch nothing is taken back.
 */

import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { answerAt } from '../settle/answers.ts';
import type { ParkedBatches } from '../settle/parked-batches.ts';
import type { Answered, Resolution } from '../settle/resolution.ts';
import { InFlight } from './in-flight.ts';
import type { OwnedPartition } from './owned-partition.ts';
import type { OwnedPartitions, RecordGroup } from './owned-partitions.ts';
import type { WorkHealth } from './work-health.ts';

/** What one record of a partition came to. */
interface Settled {
  readonly offset: number;
  readonly sequence: number;
  readonly resolution: Resolution;
}

export interface SettlementDeps {
  readonly parked: Pick<ParkedBatches, 'isParked'>;
  readonly work: WorkHealth;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Whether a partition with room may be fetched from. */
  readonly takesMore: () => boolean;
  /** Something of these partitions was taken back. */
  readonly onSettled: (owned: readonly OwnedPartition[]) => void;
  /** What was awaited is through, beside any group. */
  readonly onSettledLater: () => void;
  readonly onFatal: (error: unknown) => void;
}

export class Settlement {
  private readonly deps: SettlementDeps;
  /** Records whose group is through, but which are not. */
  private readonly awaited = new InFlight();
  private progressAtMs = performance.now();

  constructor(deps: SettlementDeps) {
    this.deps = deps;
  }

  /** When a record was last resolved, on the monotonic clock. */
  get lastProgressAtMs(): number {
    return this.progressAtMs;
  }

  nothingAwaited(): Promise<void> {
    return this.awaited.none();
  }

  /** Takes back what a group of the epoch came to. */
  settle(epoch: OwnedPartitions, group: RecordGroup, answers: readonly Answered[]): void {
    if (answers.length !== group.records.length) throw new Error('The handler answered a different number of records.');
    for (const { owned, start, end } of group.stretches) {
      const settled: Settled[] = [];
      for (let index = start; index < end; index += 1) {
        const answer = answerAt(answers, index);
        const { offset } = answerAt(group.records, index);
        const sequence = answerAt(group.sequences, index);
        if (answer.kind !== 'awaited') settled.push({ offset, sequence, resolution: answer });
        else void this.settleLater(epoch, owned, offset, sequence, answer.resolution);
      }
      for (const { resolution } of settled) if (resolution.kind === 'retry') this.deps.work.retried(resolution.error);
      this.settleStretch(epoch, owned, settled);
    }
    this.deps.onSettled(group.stretches.map(({ owned }) => owned));
  }

  private async settleLater(
    epoch: OwnedPartitions,
    owned: OwnedPartition,
    offset: number,
    sequence: number,
    answer: Promise<Resolution>,
  ): Promise<void> {
    this.awaited.begin();
    try {
      const resolution = await answer;
      if (resolution.kind === 'retry')
        this.deps.work.notSetAside(`${owned.topic}/${owned.partition}`, resolution.error);
      if (epoch.isCurrent) {
        this.settleStretch(epoch, owned, [{ offset, sequence, resolution }]);
        this.deps.onSettled([owned]);
      }
    } catch (error) {
      this.deps.onFatal(error);
    } finally {
      this.awaited.end();
    }
    this.deps.onSettledLater();
  }

  private settleStretch(epoch: OwnedPartitions, owned: OwnedPartition, settled: readonly Settled[]): void {
    const nowMs = performance.now();
    let failed: { offset: number; error: Error } | undefined;
    for (const { offset, sequence, resolution } of settled) {
      if (resolution.kind === 'resolved') {
        owned.resolve(sequence);
        this.progressAtMs = nowMs;
        this.deps.work.resolved(nowMs);
      } else if (resolution.kind === 'retry') {
        owned.putBack(sequence);
        failed = { offset, error: resolution.error };
      } else if (this.deps.parked.isParked(resolution.batchId)) owned.park(sequence, resolution.batchId);
      // Released meanwhile: nobody would call for it again.
      else owned.putBack(sequence);
    }
    if (failed === undefined) owned.succeeded(nowMs);
    else this.retryLater(owned, failed.offset, failed.error, nowMs);
    if (this.deps.takesMore()) epoch.resumeWhenRoom(owned);
  }

  private retryLater(owned: OwnedPartition, offset: number, error: Error, nowMs: number): void {
    const failureCount = owned.failed(offset, nowMs);
    if (failureCount === null) return;
    this.deps.metrics.retries.inc({ reason: 'intake' });
    const { topic, partition } = owned;
    const fields = { err: error, topic, partition, offset, failureCount };
    this.deps.log.warn(fields, 'records put back to be tried again');
  }
}
