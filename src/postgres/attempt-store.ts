import type { AttemptStore, PartitionAttempts, PartitionOffset, TopicPartition } from '../domain/ports.ts';
import type { Database } from './database.ts';
import { BEGIN_ATTEMPTS } from './sql/begin-attempts.ts';
import { CLEAR_ATTEMPTS } from './sql/clear-attempts.ts';
import { SUSPECT_RECORD } from './sql/suspect-record.ts';

/** AttemptStore on PostgreSQL: survives the death of the process that it keeps count of. */
export class PostgresAttemptStore implements AttemptStore {
  private readonly database: Database;
  private readonly consumerGroup: string;

  constructor(database: Database, options: { consumerGroup: string }) {
    this.database = database;
    this.consumerGroup = options.consumerGroup;
  }

  async begin(partitions: readonly PartitionOffset[], instance: string): Promise<PartitionAttempts[]> {
    if (partitions.length === 0) return [];
    const rows = await this.database.run<{ topic: string; partition: number; unclean_count: number }>(
      { name: 'begin-attempts', text: BEGIN_ATTEMPTS },
      [
        this.consumerGroup,
        partitions.map(({ topic }) => topic),
        partitions.map(({ partition }) => partition),
        partitions.map(({ offsetNext }) => offsetNext),
        instance,
      ],
    );
    const counts = new Map(rows.map((row) => [`${row.topic}/${row.partition}`, row.unclean_count]));
    return partitions.map((partition) => ({
      ...partition,
      uncleanCount: counts.get(`${partition.topic}/${partition.partition}`) ?? 0,
    }));
  }

  async suspect(record: TopicPartition & { offset: number }): Promise<number> {
    const [row] = await this.database.run<{ former_count: number }>({ name: 'suspect-record', text: SUSPECT_RECORD }, [
      this.consumerGroup,
      record.topic,
      record.partition,
      record.offset,
    ]);
    return row?.former_count ?? 0;
  }

  async clear(partitions: readonly TopicPartition[], instance: string): Promise<void> {
    if (partitions.length === 0) return;
    await this.database.run({ name: 'clear-attempts', text: CLEAR_ATTEMPTS }, [
      this.consumerGroup,
      partitions.map(({ topic }) => topic),
      partitions.map(({ partition }) => partition),
      instance,
    ]);
  }
}
