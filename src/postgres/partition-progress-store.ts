/**
 * Positions of partitions and marks of records in hand, in one table on PostgreSQL. A position is written in a
 * transaction of its own, after those that settled what it passes: a failover loses an end of the log of the database,
 * so no server can have the position and not what it stands for. What a server could lack is noticed by its start.
 */
import type {
  MarkedStretch,
  PartitionMove,
  PartitionOffset,
  PartitionProgressStore,
  PartitionStart,
  PoisonMarkStore,
  RecordOffset,
  TopicPartition,
} from '../domain/ports.ts';
import { AppError } from '../errors.ts';
import type { Database } from './database.ts';
import { ADVANCE_PARTITIONS } from './sql/advance-partitions.ts';
import { BEGIN_PARTITIONS } from './sql/begin-partitions.ts';
import { CLEAR_MARKS } from './sql/clear-marks.ts';
import { MARK_RECORD } from './sql/mark-record.ts';
import { MARK_STRETCHES } from './sql/mark-stretches.ts';

export interface PartitionProgressOptions {
  readonly consumerGroup: string;
  /** Of this process alone. */
  readonly owner: string;
}

interface BegunRow {
  topic: string;
  partition: number;
  offset_next: string;
  settled_next: string;
  marked_to: string | null;
  server: string;
}

export class PostgresPartitionProgressStore implements PartitionProgressStore, PoisonMarkStore {
  private readonly database: Database;
  private readonly options: PartitionProgressOptions;
  /** The one that the partitions were begun on. */
  private server = '';

  constructor(database: Database, options: PartitionProgressOptions) {
    this.database = database;
    this.options = options;
  }

  async begin(committed: readonly PartitionOffset[]): Promise<PartitionStart[]> {
    if (committed.length === 0) return [];
    const rows = await this.database.run<BegunRow>({ name: 'begin-partitions', text: BEGIN_PARTITIONS }, [
      ...this.addressOf(committed),
      committed.map(({ offsetNext }) => offsetNext),
      this.options.owner,
    ]);
    const found = new Map(rows.map((row) => [`${row.topic}/${row.partition}`, row]));
    this.server = rows[0]?.server ?? '';
    return committed.map(({ topic, partition }) => {
      const row = found.get(`${topic}/${partition}`);
      if (row === undefined) throw new AppError('STORE_FAILED', `partition ${topic}/${partition} was not begun`);
      const start = { topic, partition, offsetNext: Number(row.offset_next) };
      if (row.marked_to === null) return start;
      return { ...start, leftInHand: { offsetEnd: Number(row.marked_to), settledNext: Number(row.settled_next) } };
    });
  }

  async advance(moves: readonly PartitionMove[]): Promise<TopicPartition[]> {
    const rows = await this.database.run<{ topic: string; partition: number }>(
      { name: 'advance-partitions', text: ADVANCE_PARTITIONS },
      [
        ...this.addressOf(moves),
        moves.map(({ offsetFrom }) => offsetFrom),
        moves.map(({ offsetNext }) => offsetNext),
        this.server,
      ],
    );
    const moved = new Set(rows.map(({ topic, partition }) => `${topic}/${partition}`));
    return moves.filter(({ topic, partition }) => !moved.has(`${topic}/${partition}`));
  }

  async mark(stretches: readonly MarkedStretch[]): Promise<void> {
    await this.database.run({ name: 'mark-stretches', text: MARK_STRETCHES }, [
      ...this.addressOf(stretches),
      stretches.map(({ offsetFrom }) => offsetFrom),
      stretches.map(({ offsetEnd }) => offsetEnd),
      this.options.owner,
    ]);
  }

  async markRecord({ topic, partition, offset }: RecordOffset): Promise<number> {
    const { consumerGroup, owner } = this.options;
    const [row] = await this.database.run<{ former_count: number }>({ name: 'mark-record', text: MARK_RECORD }, [
      consumerGroup,
      topic,
      partition,
      offset,
      owner,
      this.server,
    ]);
    if (row === undefined) throw new AppError('STORE_FAILED', `partition ${topic}/${partition} was not begun`);
    return row.former_count;
  }

  async clear(partitions: readonly TopicPartition[]): Promise<void> {
    const values = [...this.addressOf(partitions), this.options.owner];
    await this.database.run({ name: 'clear-marks', text: CLEAR_MARKS }, values);
  }

  private addressOf(partitions: readonly TopicPartition[]): [string, string[], number[]] {
    return [
      this.options.consumerGroup,
      partitions.map(({ topic }) => topic),
      partitions.map(({ partition }) => partition),
    ];
  }
}
