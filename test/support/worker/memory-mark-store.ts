import type { PartitionOffset, PoisonMarkStore, RecordOffset, TopicPartition } from '../../../src/domain/ports.ts';

interface Mark {
  owner: string;
  offsetNext: number;
  uncleanCount: number;
  recordOffset: number;
  recordCount: number;
}

/** The store of poison marks over a map; it outlives the intakes of a test as the database outlives processes. */
export class MemoryMarkStore implements PoisonMarkStore {
  readonly marks = new Map<string, Mark>();
  /** Thrown by the next calls, one each. */
  readonly errors: Error[] = [];
  markRecordCallCount = 0;

  async markPartitions(partitions: readonly PartitionOffset[], owner: string): Promise<number[]> {
    this.throwNext();
    return partitions.map((position) => {
      const former = this.marks.get(nameOf(position));
      // Another offset starts the count anew and forgets the record.
      const same = former?.offsetNext === position.offsetNext ? former : undefined;
      const uncleanCount = same === undefined ? 0 : same.uncleanCount + 1;
      this.marks.set(nameOf(position), {
        owner,
        offsetNext: position.offsetNext,
        uncleanCount,
        recordOffset: same?.recordOffset ?? -1,
        recordCount: same?.recordCount ?? 0,
      });
      return uncleanCount;
    });
  }

  async markRecord(record: RecordOffset): Promise<number> {
    this.throwNext();
    this.markRecordCallCount += 1;
    const mark = this.marks.get(nameOf(record));
    if (mark === undefined) throw new Error('a record was marked whose partition was not');
    if (mark.recordOffset !== record.offset) {
      mark.recordOffset = record.offset;
      mark.recordCount = 0;
    }
    mark.recordCount += 1;
    return mark.recordCount - 1;
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
