/**
 * How far one partition of one epoch has come. `position` is the next offset to accept from the client; everything
 * below it was handed over or holds no record for anybody (control records, compacted or set-aside record batches).
 * Positions rise without a hole: what does not continue at `position` is refused by the caller.
 */
import type { PartitionOffset } from '../domain/ports.ts';

export class PartitionCursor {
  readonly topic: string;
  readonly partition: number;
  isPaused = false;
  /** Another log lies under its name: nothing that was read from the former one is committed any more. */
  isVoid = false;
  private next: number;
  private deliveredNext: number;
  private committedNext: number;
  private gapDoubtedAt: number | undefined;

  constructor({ topic, partition, offsetNext }: PartitionOffset) {
    this.topic = topic;
    this.partition = partition;
    this.next = offsetNext;
    this.deliveredNext = offsetNext;
    this.committedNext = offsetNext;
  }

  get position(): number {
    return this.next;
  }

  /** Everything below it is committed. */
  get committedPosition(): number {
    return this.committedNext;
  }

  /** Accepts everything below `offsetNext`; `deliveredNext` follows the last record handed over, if there was one. */
  advance(offsetNext: number, deliveredNext: number | undefined): void {
    this.next = Math.max(this.next, offsetNext);
    if (deliveredNext !== undefined) this.deliveredNext = deliveredNext;
  }

  /**
   * A record batch without a record for us was passed over by the client, from `offsetFirst` (null: all of it lay
   * before the position asked for) to `offsetLast`. One that leaves a hole behind the position is doubted once, since
   * it may be the late answer to a former position, and believed when it comes again.
   */
  passOver(offsetFirst: number | null, offsetLast: number): 'accepted' | 'doubted' {
    const isAdjacent = offsetFirst === null ? offsetLast <= this.next : offsetFirst <= this.next;
    if (!isAdjacent && this.gapDoubtedAt !== this.next) {
      this.gapDoubtedAt = this.next;
      return 'doubted';
    }
    this.advance(offsetLast + 1, undefined);
    return 'accepted';
  }

  /**
   * The offset to commit when everything below `offsetNext` is resolved. When that is all that was handed over, the gap
   * behind it is committed too, or it would count as lag for ever. Null when there is nothing new to commit.
   */
  commitTarget(offsetNext: number): number | null {
    const target = offsetNext >= this.deliveredNext ? this.next : offsetNext;
    return target > this.committedNext && !this.isVoid ? target : null;
  }

  /** Everything handed over is committed, and more was passed over since. */
  hasUncommittedGap(): boolean {
    return !this.isVoid && this.committedNext >= this.deliveredNext && this.next > this.committedNext;
  }

  committed(offsetNext: number): void {
    this.committedNext = Math.max(this.committedNext, offsetNext);
  }
}
