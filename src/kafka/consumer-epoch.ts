/**
 * One generation of the consumer group as this member saw it. Joined: the generation is known, the positions are not
 * yet. Only an open epoch commits, and delivers until it yields; an ended one never opens again.
 */
import type { PartitionOffset, TopicPartition } from '../domain/ports.ts';
import { PartitionCursor } from './partition-cursor.ts';

export class ConsumerEpoch {
  readonly number: number;
  private readonly assigned: readonly TopicPartition[];
  private readonly cursors = new Map<string, PartitionCursor>();
  private isYielding = false;
  private state: 'joined' | 'open' | 'ended' = 'joined';

  constructor(number: number, assignment: Readonly<Record<string, readonly number[]>>) {
    this.number = number;
    this.assigned = Object.entries(assignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    );
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** Opens once the position of every partition is known, and answers them that one time. */
  open(positionOf: (partition: TopicPartition) => number | undefined): PartitionOffset[] | null {
    if (this.state !== 'joined') return null;
    const offsets: PartitionOffset[] = [];
    for (const { topic, partition } of this.assigned) {
      const offsetNext = positionOf({ topic, partition });
      if (offsetNext === undefined) return null;
      offsets.push({ topic, partition, offsetNext });
    }
    for (const offset of offsets) this.cursors.set(keyOf(offset), new PartitionCursor(offset));
    this.state = 'open';
    return offsets;
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
    return wasOpen;
  }

  /** Undefined unless the epoch is open and owns the partition. */
  cursor(partition: TopicPartition): PartitionCursor | undefined {
    return this.isOpen ? this.cursors.get(keyOf(partition)) : undefined;
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
