import type {
  MarkedStretch,
  PartitionMove,
  PartitionOffset,
  PartitionProgressStore,
  PartitionStart,
  PoisonMarkStore,
  RecordOffset,
  TopicPartition,
} from '../../../src/domain/ports.ts';

interface Row {
  offsetNext: number;
  mark?: { owner: string; from: number; to: number } | undefined;
  suspect?: { offset: number; count: number } | undefined;
}

/** Positions and marks over a map; it outlives the processes of a test as the database outlives them. */
export class MemoryProgressStore implements PartitionProgressStore, PoisonMarkStore {
  readonly rows = new Map<string, Row>();
  /** Thrown by the next calls for marks, one each. */
  readonly errors: Error[] = [];
  /** Waited for by calls for marks. */
  hang: Promise<void> = Promise.resolve();
  /** Waited for by `begin`. */
  beginning: () => Promise<void> = () => Promise.resolve();
  /** Set anew for every life of a process. */
  owner = 'first';
  markCallCount = 0;
  markRecordCallCount = 0;
  beginCallCount = 0;

  async begin(committed: readonly PartitionOffset[]): Promise<PartitionStart[]> {
    this.beginCallCount += 1;
    await this.beginning();
    return this.beginNow(committed);
  }

  beginNow(committed: readonly PartitionOffset[]): PartitionStart[] {
    return committed.map(({ topic, partition, offsetNext }) => {
      const row = this.rows.get(nameOf({ topic, partition })) ?? { offsetNext };
      this.rows.set(nameOf({ topic, partition }), row);
      const settledNext = row.offsetNext;
      row.offsetNext = Math.min(settledNext, offsetNext);
      const { mark } = row;
      const isLeft =
        mark !== undefined && mark.owner !== this.owner && row.offsetNext >= mark.from && row.offsetNext < mark.to;
      if (!isLeft) {
        row.mark = undefined;
        row.suspect = undefined;
      }
      const start = { topic, partition, offsetNext: row.offsetNext };
      return isLeft ? { ...start, leftInHand: { offsetEnd: mark.to, settledNext } } : start;
    });
  }

  async advance(moves: readonly PartitionMove[]): Promise<TopicPartition[]> {
    return this.advanceNow(moves);
  }

  advanceNow(moves: readonly PartitionMove[]): TopicPartition[] {
    return moves.filter((move) => {
      const row = this.rows.get(nameOf(move));
      if (row === undefined || row.offsetNext < move.offsetFrom) return true;
      row.offsetNext = Math.max(row.offsetNext, move.offsetNext);
      if (row.mark !== undefined && row.mark.to <= row.offsetNext) row.mark = undefined;
      return false;
    });
  }

  async mark(stretches: readonly MarkedStretch[]): Promise<void> {
    this.markCallCount += 1;
    await this.hang;
    this.throwNext();
    for (const stretch of stretches) {
      const row = this.rows.get(nameOf(stretch));
      if (row === undefined || row.offsetNext >= stretch.offsetEnd) continue;
      row.mark = { owner: this.owner, from: stretch.offsetFrom, to: stretch.offsetEnd };
      row.suspect = undefined;
    }
  }

  async markRecord(record: RecordOffset): Promise<number> {
    await this.hang;
    this.throwNext();
    this.markRecordCallCount += 1;
    const row = this.rows.get(nameOf(record));
    if (row?.mark === undefined) throw new Error('a record was marked whose partition was not');
    row.offsetNext = Math.max(row.offsetNext, record.offset);
    row.mark.owner = this.owner;
    const former = row.suspect?.offset === record.offset ? row.suspect.count : 0;
    row.suspect = { offset: record.offset, count: former + 1 };
    return former;
  }

  async clear(partitions: readonly TopicPartition[]): Promise<void> {
    this.throwNext();
    for (const partition of partitions) {
      const row = this.rows.get(nameOf(partition));
      if (row?.mark?.owner === this.owner) row.mark = undefined;
    }
  }

  markedCount(): number {
    return [...this.rows.values()].filter(({ mark }) => mark !== undefined).length;
  }

  private throwNext(): void {
    const error = this.errors.shift();
    if (error !== undefined) throw error;
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
