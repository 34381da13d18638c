import type {
  InboundRecord,
  PartitionOffset,
  RecordListener,
  RecordSource,
  TopicPartition,
} from '../../../src/domain/ports.ts';
import { AppError } from '../../../src/errors.ts';
import { MemoryProgressStore } from './memory-progress-store.ts';

const encoder = new TextEncoder();

export function recordAt(topic: string, partition: number, offset: number): InboundRecord {
  const value = encoder.encode(`${topic}/${partition}/${offset}`);
  return { topic, partition, offset, timestampMs: 0, key: null, value, headers: {} };
}

interface Log extends TopicPartition {
  readonly records: InboundRecord[];
  committed: number;
  /** Index of the next record to deliver. */
  next: number;
  isPaused: boolean;
}

/**
 * The record source port over arrays. It keeps the port's promises and checks the listener's: a commit above the last
 * delivered record of its partition, or after `stop`, fails the test through `violations`.
 */
export class MemoryRecordSource implements RecordSource {
  readonly commits: { epoch: number; offsets: readonly PartitionOffset[] }[] = [];
  readonly violations: string[] = [];
  /** Thrown by the next commits, one each. */
  readonly commitErrors: Error[] = [];
  batchSizeMax = 100;
  pauseCount = 0;
  stopCount = 0;
  epoch = 0;
  private readonly logs = new Map<string, Log>();
  private listener: RecordListener | undefined;
  private isCurrent = false;
  private isDelivering = false;

  constructor(private readonly progress = new MemoryProgressStore()) {}

  start(listener: RecordListener): Promise<void> {
    this.listener = listener;
    return Promise.resolve();
  }

  pause(partition: TopicPartition): void {
    this.pauseCount += 1;
    this.log(partition).isPaused = true;
  }

  resume(partition: TopicPartition): void {
    this.log(partition).isPaused = false;
    this.deliver();
  }

  commit(epoch: number, offsets: readonly PartitionOffset[]): Promise<void> {
    if (this.stopCount > 0) this.violations.push('a stopped member committed');
    const error = this.commitErrors.shift();
    if (error !== undefined) return Promise.reject(error);
    this.commits.push({ epoch, offsets });
    if (epoch !== this.epoch || !this.isCurrent) return Promise.resolve();
    this.progress.advanceNow(offsets.map((offset) => ({ ...offset, offsetFrom: 0 })));
    for (const one of offsets) {
      const log = this.log(one);
      const delivered = log.next === 0 ? log.committed : (log.records[log.next - 1]?.offset ?? 0) + 1;
      if (one.offsetNext > delivered) this.violations.push(`committed past delivery: ${JSON.stringify(one)}`);
      if (one.offsetNext <= log.committed) this.violations.push(`commit without change: ${JSON.stringify(one)}`);
      log.committed = one.offsetNext;
    }
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.stopCount += 1;
    this.revoke();
    return Promise.resolve();
  }

  /** Puts records with these offsets at the end of a partition. */
  append(topic: string, partition: number, offsets: readonly number[]): void {
    const log = this.log({ topic, partition });
    for (const offset of offsets) log.records.push(recordAt(topic, partition, offset));
    this.deliver();
  }

  /** A new generation owning everything, from the committed positions. */
  assign(): void {
    this.epoch += 1;
    this.isCurrent = true;
    const committed = [...this.logs.values()].map(({ topic, partition, committed: offsetNext }) => {
      return { topic, partition, offsetNext };
    });
    const starts = this.progress.beginNow(committed);
    for (const start of starts) {
      const log = this.log(start);
      log.isPaused = false;
      log.next = log.records.findIndex((record) => record.offset >= start.offsetNext);
      if (log.next < 0) log.next = log.records.length;
    }
    this.listener?.assigned(this.epoch, starts);
    this.deliver();
  }

  /** An orderly rebalance: the listener is heard before the epoch ends. */
  async rebalance(): Promise<void> {
    await this.listener?.yielding(this.epoch);
    this.revoke();
    this.assign();
  }

  revoke(): void {
    if (!this.isCurrent) return;
    this.isCurrent = false;
    this.listener?.revoked(this.epoch);
  }

  crash(error: Error): void {
    this.listener?.crashed(error);
  }

  committed(topic: string, partition: number): number {
    return this.log({ topic, partition }).committed;
  }

  committedAll(): boolean {
    return [...this.logs.values()].every((log) => log.committed === (log.records.at(-1)?.offset ?? -1) + 1);
  }

  isPaused(topic: string, partition: number): boolean {
    return this.log({ topic, partition }).isPaused;
  }

  private deliver(): void {
    if (this.isDelivering) return;
    this.isDelivering = true;
    setImmediate(() => {
      this.isDelivering = false;
      let isMore = false;
      for (const log of this.logs.values()) {
        if (!this.isCurrent || log.isPaused || log.next >= log.records.length) continue;
        const batch = log.records.slice(log.next, log.next + this.batchSizeMax);
        log.next += batch.length;
        isMore = true;
        this.listener?.records(this.epoch, batch);
      }
      if (isMore) this.deliver();
    });
  }

  private log({ topic, partition }: TopicPartition): Log {
    const name = `${topic}/${partition}`;
    let log = this.logs.get(name);
    if (log === undefined) {
      log = { topic, partition, records: [], committed: 0, next: 0, isPaused: false };
      this.logs.set(name, log);
    }
    return log;
  }
}

export function unavailable(text = 'not now'): AppError {
  return new AppError('UNAVAILABLE', text);
}
