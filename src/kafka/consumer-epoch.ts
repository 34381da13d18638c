/**
 * One generation of the consumer group as this member saw it. Joined: the generation is known, the positions are not
 * yet. Opening: it is being asked where to begin. Only an open epoch commits, and delivers until it yields; an ended one
 * never opens again.
 */
import type { PartitionOffset, TopicPartition } from '../domain/ports.ts';
import { settledWithin } from '../timing/deadline.ts';
import { PartitionCursor } from './partition-cursor.ts';

export class ConsumerEpoch {
  readonly number: number;
  private readonly assigned: readonly TopicPartition[];
  private readonly cursors = new Map<string, PartitionCursor>();
  private readonly ending = new AbortController();
  private isYielding = false;
  private state: 'joined' | 'opening' | 'open' | 'ended' = 'joined';
  private endOpening: () => void = () => undefined;
  /** Resolves when it is open or has ended. */
  readonly opened = new Promise<void>((resolve) => {
    this.endOpening = resolve;
  });

  constructor(number: number, assignment: Readonly<Record<string, readonly number[]>>) {
    this.number = number;
    this.assigned = Object.entries(assignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    );
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** Aborted when it ends. */
  get ended(): AbortSignal {
    return this.ending.signal;
  }

  /** Answers, once, what is committed of every partition, when that is known. */
  beginOpening(committedOf: (partition: TopicPartition) => number | undefined): PartitionOffset[] | null {
    if (this.state !== 'joined') return null;
    const offsets: PartitionOffset[] = [];
    for (const { topic, partition } of this.assigned) {
      const offsetNext = committedOf({ topic, partition });
      if (offsetNext === undefined) return null;
      offsets.push({ topic, partition, offsetNext });
    }
    this.state = 'opening';
    return offsets;
  }

  open(starts: readonly PartitionOffset[]): void {
    for (const start of starts) this.cursors.set(keyOf(start), new PartitionCursor(start));
    this.state = 'open';
    this.endOpening();
  }

  /** Waits for it to open, however long that takes, with heartbeats meanwhile. False when it ended. */
  async openedWhile(heartbeat: () => Promise<void>, heartbeatIntervalMs: number): Promise<boolean> {
    while (!this.isOpen && !this.ended.aborted) {
      if (!(await settledWithin(this.opened, heartbeatIntervalMs))) await heartbeat();
    }
    return this.isOpen;
  }

  get delivers(): boolean {
    return this.isOpen && !this.isYielding;
  }

  /** From here on it only commits. */
  yield(): void {
    this.isYielding = true;
  }

  /** Answers whether it was open. */
  end(): boolean {
    const wasOpen = this.isOpen;
    this.state = 'ended';
    this.endOpening();
    this.ending.abort();
    return wasOpen;
  }

  /** Any that it owns; undefined unless the epoch is open. */
  anyCursor(): PartitionCursor | undefined {
    return this.isOpen ? this.cursors.values().next().value : undefined;
  }

  /** Undefined unless the epoch is open and owns the partition. */
  cursor(partition: TopicPartition): PartitionCursor | undefined {
    return this.isOpen ? this.cursors.get(keyOf(partition)) : undefined;
  }
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
