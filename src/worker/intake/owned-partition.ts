/**
 * One partition as this instance owns it during one epoch: its buffer, its backoff, what of it is committed, and how
 * its records may leave. Times are monotonic (`performance.now()`). It lives exactly as long as its epoch.
 *
 *     in groups ◀── after those, one by one ── singly ◀── its former owner ended with records in hand
 */
import type { InboundRecord, PartitionOffset, TopicPartition } from '../../domain/ports.ts';
import { backoffMs } from '../../timing/backoff.ts';
import { PartitionBuffer, type TakenRecords } from './partition-buffer.ts';

export interface PartitionLimits {
  /** Of records that wait to be handled or are being handled. */
  readonly bufferedRecordsMax: number;
  /** Of records that are parked. */
  readonly parkedRecordsMax: number;
  /** From the first unresolved one to the last fetched: a few bytes each in memory, and a look each after a crash. */
  readonly heldRecordsMax: number;
  /** Of those, and as much again of records that are parked. */
  readonly bufferedBytesMax: number;
  readonly retryDelayMinMs: number;
  readonly retryDelayMaxMs: number;
}

export class OwnedPartition implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  private readonly buffer: PartitionBuffer;
  private readonly limits: PartitionLimits;
  private leaving: 'singly' | 'in-groups' = 'in-groups';
  private committedNext: number;
  private answeredAtMs: number;
  private failureCount = 0;
  private failedOffset = -1;
  private notBeforeMs = 0;
  private waitingSinceMs = 0;

  constructor(position: PartitionOffset, limits: PartitionLimits, nowMs: number) {
    this.topic = position.topic;
    this.partition = position.partition;
    this.committedNext = position.offsetNext;
    this.buffer = new PartitionBuffer(position.offsetNext);
    this.limits = limits;
    this.answeredAtMs = nowMs;
  }

  /** Records fetched and not yet resolved. */
  get bufferedCount(): number {
    return this.buffer.bufferedCount;
  }

  /** When a record was last answered, be it with a retry, or a dependency was last known to fail. */
  get lastAnswerAtMs(): number {
    return this.answeredAtMs;
  }

  /** Counts as an answer: a partition that waits for a dependency known to fail is not silent. */
  dependencyFailed(nowMs: number): void {
    this.answeredAtMs = nowMs;
  }

  releaseInGroups(): void {
    this.leaving = 'in-groups';
  }

  releaseSingly(): void {
    this.leaving = 'singly';
  }

  get leavesSingly(): boolean {
    return this.leaving === 'singly';
  }

  get leavesInGroups(): boolean {
    return this.leaving === 'in-groups';
  }

  append(records: readonly InboundRecord[], nowMs: number): void {
    if (this.buffer.waitingCount === 0) this.waitingSinceMs = nowMs;
    this.buffer.append(records);
  }

  /** Records that may leave now. None while others of the partition are away: that keeps its order. */
  readyCount(nowMs: number): number {
    return nowMs < this.notBeforeMs || this.buffer.takenCount > 0 ? 0 : this.buffer.waitingCount;
  }

  /** Since when the first of the ready records could have left. */
  readySinceMs(): number {
    return Math.max(this.waitingSinceMs, this.notBeforeMs);
  }

  /** When waiting records may leave; undefined when none waits for the end of a backoff. */
  backoffEndMs(nowMs: number): number | undefined {
    return this.buffer.waitingCount > 0 && nowMs < this.notBeforeMs ? this.notBeforeMs : undefined;
  }

  take(countMax: number, into: TakenRecords, nowMs: number): number {
    this.waitingSinceMs = nowMs;
    return this.buffer.take(countMax, into);
  }

  /** Records that keep resolved ones behind them from being committed; backoffs do not count at the end. */
  takeStragglers(countMax: number, into: TakenRecords): number {
    return this.buffer.takeStragglers(countMax, into);
  }

  /** The record will never be needed again. */
  resolve(sequence: number): void {
    this.buffer.resolve(sequence);
  }

  /** The record waits again, ahead of all with a higher offset. */
  putBack(sequence: number): void {
    this.buffer.putBack(sequence);
  }

  /** The record waits for its batch; those of other batches pass it. */
  park(sequence: number, batchId: string): void {
    this.buffer.park(sequence, batchId);
  }

  /** What is parked for this batch may leave again. */
  release(batchId: string, nowMs: number): void {
    if (this.buffer.waitingCount === 0) this.waitingSinceMs = nowMs;
    this.buffer.release(batchId);
  }

  /**
   * Ends the streak of failures, but only when the records that failed are resolved: success of others shows nothing.
   */
  succeeded(nowMs: number): void {
    this.answeredAtMs = nowMs;
    if (this.buffer.offsetNext > this.failedOffset) this.failureCount = 0;
  }

  /**
   * Starts a backoff and answers the number of failures in a row; null when it is the same failure as before, of a
   * group that was cut before the current backoff began. `offset` is the last one that failed.
   */
  failed(offset: number, nowMs: number): number | null {
    this.answeredAtMs = nowMs;
    this.failedOffset = Math.max(this.failedOffset, offset);
    if (nowMs < this.notBeforeMs) return null;
    this.failureCount += 1;
    this.notBeforeMs = nowMs + backoffMs(this.failureCount, this.limits.retryDelayMinMs, this.limits.retryDelayMaxMs);
    return this.failureCount;
  }

  /** Where the next owner would begin: the position at the assignment, then what was committed last. */
  committed(): PartitionOffset {
    return { topic: this.topic, partition: this.partition, offsetNext: this.committedNext };
  }

  /** Everything below is resolved. */
  get resolvedNext(): number {
    return this.buffer.offsetNext;
  }

  /** How far it is resolved; undefined when all of that is committed. */
  uncommitted(): PartitionOffset | undefined {
    const { offsetNext } = this.buffer;
    if (offsetNext === this.committedNext) return undefined;
    return { topic: this.topic, partition: this.partition, offsetNext };
  }

  /** The record source has acknowledged the commit of this position. */
  noteCommitted(offsetNext: number): void {
    this.committedNext = offsetNext;
  }

  /** Above a high-water mark: the source should stop fetching. */
  isFull(): boolean {
    return this.fullness() >= 1;
  }

  /** Below all low-water marks, half of the high ones. */
  hasRoom(): boolean {
    return this.fullness() <= 1 / 2;
  }

  /** Of the fullest of the shares. */
  private fullness(): number {
    const { bufferedRecordsMax, bufferedBytesMax, parkedRecordsMax, heldRecordsMax } = this.limits;
    const { bufferedCount, parkedCount, bufferedBytes, parkedBytes, heldCount } = this.buffer;
    return Math.max(
      (bufferedCount - parkedCount) / bufferedRecordsMax,
      bufferedBytes / bufferedBytesMax,
      parkedCount / parkedRecordsMax,
      parkedBytes / bufferedBytesMax,
      heldCount / heldRecordsMax,
    );
  }
}
