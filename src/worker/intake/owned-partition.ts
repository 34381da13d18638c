import type { InboundRecord, PartitionOffset, TopicPartition } from '../../domain/ports.ts';
import { backoffMs } from '../../timing/backoff.ts';
import { PartitionBuffer } from './partition-buffer.ts';

/**
 * held: nothing leaves until it is known how former owners ended. careful: one record at a time, each named to the
 * attempt store first. open: records leave in groups.
 */
export type LaneMode = 'held' | 'careful' | 'open';

export interface LaneLimits {
  readonly heldRecordsMax: number;
  readonly bufferedBytesMax: number;
  readonly retryDelayMinMs: number;
  readonly retryDelayMaxMs: number;
}

/**
 * One partition as this instance owns it during one epoch: its buffer, its backoff and its mode. Times are monotonic
 * (`performance.now()`). A lane lives exactly as long as its epoch; results for a lane of a former epoch find it retired.
 */
export class Lane implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly buffer: PartitionBuffer;
  mode: LaneMode = 'held';
  /** Records still to be handled one at a time. */
  carefulCount = 0;
  /** What the broker has been told. */
  committedNext: number;
  /** The offset at which the attempt store knows this owner; -1 when it has been told to forget. */
  markedNext = -1;
  /** The record the attempt store was told of last by this owner, and what it answered. */
  suspectOffset = -1;
  suspectCount = 0;
  isPaused = false;
  /** When a record was last answered, be it with a retry. */
  lastAnswerAtMs: number;
  failureCount = 0;
  private readonly limits: LaneLimits;
  private notBeforeMs = 0;
  private failedOffset = -1;
  private waitingSinceMs = 0;

  constructor(position: PartitionOffset, limits: LaneLimits, nowMs: number) {
    this.topic = position.topic;
    this.partition = position.partition;
    this.committedNext = position.offsetNext;
    this.buffer = new PartitionBuffer(position.offsetNext);
    this.limits = limits;
    this.lastAnswerAtMs = nowMs;
  }

  append(batch: readonly InboundRecord[], nowMs: number): void {
    if (this.buffer.waitingCount === 0) this.waitingSinceMs = nowMs;
    this.buffer.append(batch);
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

  take(countMax: number, into: { records: InboundRecord[]; sequences: number[] }, nowMs: number): number {
    this.waitingSinceMs = nowMs;
    return this.buffer.take(countMax, into);
  }

  /** Ends the run of failures once the records that failed are resolved; others passing them by prove nothing. */
  succeeded(nowMs: number): void {
    this.lastAnswerAtMs = nowMs;
    if (this.buffer.offsetNext > this.failedOffset) this.failureCount = 0;
  }

  /**
   * Starts a backoff and says so; failures of groups that were cut before the current backoff began are the same
   * failure. `offset` is the last one that failed.
   */
  failed(offset: number, nowMs: number): boolean {
    this.lastAnswerAtMs = nowMs;
    this.failedOffset = Math.max(this.failedOffset, offset);
    if (nowMs < this.notBeforeMs) return false;
    this.failureCount += 1;
    this.notBeforeMs = nowMs + backoffMs(this.failureCount, this.limits.retryDelayMinMs, this.limits.retryDelayMaxMs);
    return true;
  }

  /** Above the high-water mark: the source should stop fetching. */
  isFull(): boolean {
    return (
      this.buffer.heldCount >= this.limits.heldRecordsMax || this.buffer.bufferedBytes >= this.limits.bufferedBytesMax
    );
  }

  /** Below the low-water mark, half of the high one. */
  hasRoom(): boolean {
    return (
      this.buffer.heldCount <= this.limits.heldRecordsMax / 2 &&
      this.buffer.bufferedBytes <= this.limits.bufferedBytesMax / 2
    );
  }
}
