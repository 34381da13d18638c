/**
 * The partitions of one epoch, and the guard of that epoch: whoever works for it asks `isCurrent` after every wait, and
 * says `dependencyFailed` when it waits for something that is known to be broken. Ended, it never becomes current
 * again.
 *
 * Shares of the buffer are per partition, so that one that waits in a backoff with a full buffer takes no room from the
 * others. The bound is exceeded by at most what one fetch brings per partition: it was on its way when the pause was
 * asked for. Which partitions are paused is known to the record source alone; asking twice is harmless.
 */
import type { InboundRecord, PartitionOffset, RecordSource } from '../../domain/ports.ts';
import { OwnedPartition } from './owned-partition.ts';
import type { TakenRecords } from './partition-buffer.ts';

const PARKED_SHARES_MAX = 5;
/** Smaller shares would have a partition paused and resumed for a handful of records; the bound in bytes holds anyway. */
const SHARE_RECORDS_MIN = 50;
const HELD_FACTOR = 4;

export interface OwnedPartitionsOptions {
  /**
   * In total. Every partition has an equal share, but never less than 50 records; at it, the partition is paused, at
   * half of it, resumed.
   */
  readonly bufferedRecordsMax: number;
  readonly bufferedBytesMax: number;
  readonly retryDelayMinMs: number;
  readonly retryDelayMaxMs: number;
}

/** Records handled together: parallel arrays, and which stretch of them came from which partition. */
export interface RecordGroup extends TakenRecords {
  readonly records: InboundRecord[];
  readonly sequences: number[];
  readonly stretches: { readonly owned: OwnedPartition; readonly start: number; readonly end: number }[];
}

export class OwnedPartitions {
  /** Null before the first epoch and between epochs. */
  readonly epoch: number | null;
  readonly all: readonly OwnedPartition[];
  private readonly source: RecordSource;
  private readonly byTopic = new Map<string, Map<number, OwnedPartition>>();
  private readonly ending = new AbortController();
  private lastInGroup: OwnedPartition | undefined;

  private constructor(source: RecordSource, epoch: number | null, all: readonly OwnedPartition[]) {
    this.source = source;
    this.epoch = epoch;
    this.all = all;
    for (const owned of all) {
      const byPartition = this.byTopic.get(owned.topic) ?? new Map<number, OwnedPartition>();
      this.byTopic.set(owned.topic, byPartition.set(owned.partition, owned));
    }
  }

  static none(source: RecordSource): OwnedPartitions {
    const none = new OwnedPartitions(source, null, []);
    none.end();
    return none;
  }

  static of(
    source: RecordSource,
    epoch: number,
    positions: readonly PartitionOffset[],
    options: OwnedPartitionsOptions,
    nowMs: number,
  ): OwnedPartitions {
    const { bufferedRecordsMax, bufferedBytesMax, retryDelayMinMs, retryDelayMaxMs } = options;
    const shares = Math.max(1, positions.length);
    const limits = {
      bufferedRecordsMax: Math.max(SHARE_RECORDS_MIN, Math.floor(bufferedRecordsMax / shares)),
      // More than a share: few batches are held at a time, and those who share a partition with one must not wait.
      parkedRecordsMax: Math.max(1, Math.floor(bufferedRecordsMax / Math.min(shares, PARKED_SHARES_MAX))),
      heldRecordsMax: bufferedRecordsMax * HELD_FACTOR,
      bufferedBytesMax: Math.max(1, Math.floor(bufferedBytesMax / shares)),
      retryDelayMinMs,
      retryDelayMaxMs,
    };
    const all = positions.map((position) => new OwnedPartition(position, limits, nowMs));
    return new OwnedPartitions(source, epoch, all);
  }

  get isCurrent(): boolean {
    return !this.ending.signal.aborted;
  }

  /** Aborted when the epoch ends. */
  get ended(): AbortSignal {
    return this.ending.signal;
  }

  end(): void {
    this.ending.abort();
  }

  dependencyFailed(): void {
    const nowMs = performance.now();
    for (const owned of this.all) owned.dependencyFailed(nowMs);
  }

  find(topic: string, partition: number): OwnedPartition | undefined {
    return this.byTopic.get(topic)?.get(partition);
  }

  /** Records fetched and not yet resolved. */
  bufferedCount(): number {
    return this.all.reduce((count, owned) => count + owned.bufferedCount, 0);
  }

  /** How many records may go into a group now, and since when the first of them could. */
  readiness(nowMs: number): { count: number; sinceMs: number } {
    let count = 0;
    let sinceMs = Number.POSITIVE_INFINITY;
    for (const owned of this.all) {
      const readyCount = owned.leavesInGroups ? owned.readyCount(nowMs) : 0;
      if (readyCount === 0) continue;
      count += readyCount;
      sinceMs = Math.min(sinceMs, owned.readySinceMs());
    }
    return { count, sinceMs };
  }

  /**
   * A group of at most `sizeMax` records: what waits in one partition after the other, beginning behind the last one of
   * the former group; undefined when all that is ready belongs to partitions that are in a group already. Whole
   * partitions rather than a share of each, because a partition that is in a group gives nothing to the next one until
   * it is back; that keeps its order.
   */
  cutGroup(sizeMax: number, nowMs: number): RecordGroup | undefined {
    const group: RecordGroup = { records: [], sequences: [], stretches: [] };
    const first = this.lastInGroup === undefined ? 0 : this.all.indexOf(this.lastInGroup) + 1;
    for (let step = 0; step < this.all.length; step += 1) {
      const owned = this.all[(first + step) % this.all.length];
      const start = group.records.length;
      if (start >= sizeMax) break;
      if (owned === undefined || !owned.leavesInGroups || owned.readyCount(nowMs) === 0) continue;
      owned.take(sizeMax - start, group, nowMs);
      group.stretches.push({ owned, start, end: group.records.length });
      this.lastInGroup = owned;
    }
    return group.stretches.length === 0 ? undefined : group;
  }

  /** A group of what keeps resolved records from being committed; undefined when nothing does. */
  cutStragglers(sizeMax: number): RecordGroup | undefined {
    const group: RecordGroup = { records: [], sequences: [], stretches: [] };
    for (const owned of this.all) {
      const start = group.records.length;
      if (owned.leavesInGroups && owned.takeStragglers(sizeMax - start, group) > 0)
        group.stretches.push({ owned, start, end: group.records.length });
    }
    return group.stretches.length === 0 ? undefined : group;
  }

  /** When the first backoff ends that records wait for. */
  backoffEndMs(nowMs: number): number {
    let endMs = Number.POSITIVE_INFINITY;
    for (const owned of this.all) endMs = Math.min(endMs, owned.backoffEndMs(nowMs) ?? endMs);
    return endMs;
  }

  /** What is parked for this batch may leave again. */
  releaseParked(batchId: string, nowMs: number): void {
    for (const owned of this.all) owned.release(batchId, nowMs);
  }

  pauseWhenFull(owned: OwnedPartition): void {
    if (owned.isFull()) this.source.pause(owned);
  }

  resumeWhenRoom(owned: OwnedPartition): void {
    if (owned.hasRoom()) this.source.resume(owned);
  }

  pauseAll(): void {
    for (const owned of this.all) this.source.pause(owned);
  }
}
