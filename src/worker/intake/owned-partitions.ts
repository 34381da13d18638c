import type { PartitionOffset, RecordSource } from '../../domain/ports.ts';
import { Lane } from './owned-partition.ts';

export interface LaneSetOptions {
  /** In total. Every partition has an equal share; at it, the partition is paused, at half of it, resumed. */
  readonly bufferedRecordsMax: number;
  readonly bufferedBytesMax: number;
  readonly retryDelayMinMs: number;
  readonly retryDelayMaxMs: number;
}

/**
 * The partitions of the current epoch, none when there is no epoch. Shares are per partition, so that one that waits
 * in a backoff with a full buffer takes no room from the others. The bound is exceeded by at most one fetched batch
 * per partition: what was on its way when the pause was asked for.
 */
export class LaneSet {
  private readonly source: RecordSource;
  private readonly options: LaneSetOptions;
  private lanes: Lane[] = [];
  private byTopic = new Map<string, Map<number, Lane>>();
  private currentEpoch: number | null = null;

  constructor(source: RecordSource, options: LaneSetOptions) {
    this.source = source;
    this.options = options;
  }

  get epoch(): number | null {
    return this.currentEpoch;
  }

  get all(): readonly Lane[] {
    return this.lanes;
  }

  begin(epoch: number, partitions: readonly PartitionOffset[], nowMs: number): void {
    const { bufferedRecordsMax, bufferedBytesMax, retryDelayMinMs, retryDelayMaxMs } = this.options;
    const shares = Math.max(1, partitions.length);
    const limits = {
      heldRecordsMax: Math.max(1, Math.floor(bufferedRecordsMax / shares)),
      bufferedBytesMax: Math.max(1, Math.floor(bufferedBytesMax / shares)),
      retryDelayMinMs,
      retryDelayMaxMs,
    };
    this.currentEpoch = epoch;
    this.lanes = partitions.map((position) => new Lane(position, limits, nowMs));
    this.byTopic = new Map();
    for (const lane of this.lanes) {
      const byPartition = this.byTopic.get(lane.topic) ?? new Map<number, Lane>();
      this.byTopic.set(lane.topic, byPartition.set(lane.partition, lane));
    }
  }

  end(): void {
    this.currentEpoch = null;
    this.lanes = [];
    this.byTopic = new Map();
  }

  find(topic: string, partition: number): Lane | undefined {
    return this.byTopic.get(topic)?.get(partition);
  }

  /** Records fetched and not yet resolved. */
  bufferedCount(): number {
    return this.lanes.reduce((count, lane) => count + lane.buffer.bufferedCount, 0);
  }

  /** How many records may go into a group now, and since when the first of them could. */
  readiness(nowMs: number): { count: number; sinceMs: number } {
    let count = 0;
    let sinceMs = Number.POSITIVE_INFINITY;
    for (const lane of this.lanes) {
      const readyCount = lane.mode === 'open' ? lane.readyCount(nowMs) : 0;
      if (readyCount === 0) continue;
      count += readyCount;
      sinceMs = Math.min(sinceMs, lane.readySinceMs());
    }
    return { count, sinceMs };
  }

  /** When the first backoff ends that records wait for. */
  backoffEndMs(nowMs: number): number {
    let endMs = Number.POSITIVE_INFINITY;
    for (const lane of this.lanes) endMs = Math.min(endMs, lane.backoffEndMs(nowMs) ?? endMs);
    return endMs;
  }

  pauseWhenFull(lane: Lane): void {
    if (!lane.isPaused && lane.isFull()) this.pause(lane);
  }

  resumeWhenRoom(lane: Lane): void {
    if (!lane.isPaused || !lane.hasRoom()) return;
    lane.isPaused = false;
    this.source.resume({ topic: lane.topic, partition: lane.partition });
  }

  pauseAll(): void {
    for (const lane of this.lanes) this.pause(lane);
  }

  private pause(lane: Lane): void {
    lane.isPaused = true;
    this.source.pause({ topic: lane.topic, partition: lane.partition });
  }
}
