import type { AttemptStore, PartitionAttempts, PartitionOffset, TopicPartition } from '../../../src/domain/ports.ts';

interface Mark {
  owner: string;
  offsetNext: number;
  uncleanCount: number;
  suspectOffset: number;
  suspectCount: number;
}

/** The attempt store port over a map; it outlives the intakes of a test as the database outlives processes. */
export class MemoryAttemptStore implements AttemptStore {
  readonly marks = new Map<string, Mark>();
  /** Thrown by the next calls, one each. */
  readonly errors: Error[] = [];
  suspectCallCount = 0;

  async begin(partitions: readonly PartitionOffset[], owner: string): Promise<PartitionAttempts[]> {
    this.throwNext();
    return partitions.map((position) => {
      const former = this.marks.get(nameOf(position));
      // Another offset starts the count anew and forgets the suspect.
      const same = former?.offsetNext === position.offsetNext ? former : undefined;
      const uncleanCount = same === undefined ? 0 : same.uncleanCount + 1;
      this.marks.set(nameOf(position), {
        owner,
        offsetNext: position.offsetNext,
        uncleanCount,
        suspectOffset: same?.suspectOffset ?? -1,
        suspectCount: same?.suspectCount ?? 0,
      });
      return { ...position, uncleanCount };
    });
  }

  async suspect(record: TopicPartition & { offset: number }): Promise<number> {
    this.throwNext();
    this.suspectCallCount += 1;
    const mark = this.marks.get(nameOf(record));
    if (mark === undefined) throw new Error('a record was suspected without a begin');
    if (mark.suspectOffset !== record.offset) {
      mark.suspectOffset = record.offset;
      mark.suspectCount = 0;
    }
    mark.suspectCount += 1;
    return mark.suspectCount - 1;
  }

  async clear(partitions: readonly TopicPartition[], owner: string): Promise<void> {
    this.throwNext();
    for (const partition of partitions) {
      if (this.marks.get(nameOf(partition))?.owner === owner) this.marks.delete(nameOf(partition));
    }
  }

  private throwNext(): void {
    const error = this.errors.shift();
    if (error !== undefined) throw error;
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
