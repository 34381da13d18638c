/** PoisonMarkStore on PostgreSQL: survives the death of the process that it keeps count of. */
import type { PartitionOffset, PoisonMarkStore, RecordOffset, TopicPartition } from '../domain/ports.ts';
import { AppError } from '../errors.ts';
import type { Database } from './database.ts';
import { CLEAR_MARKS } from './sql/clear-marks.ts';
import { MARK_PARTITIONS } from './sql/mark-partitions.ts';
import { MARK_RECORD } from './sql/mark-record.ts';

export class PostgresPoisonMarkStore implements PoisonMarkStore {
  private readonly database: Database;
  private readonly consumerGroup: string;

  constructor(database: Database, options: { consumerGroup: string }) {
    this.database = database;
    this.consumerGroup = options.consumerGroup;
  }

  async markPartitions(partitions: readonly PartitionOffset[], instance: string): Promise<number[]> {
    if (partitions.length === 0) return [];
    const rows = await this.database.run<{ topic: string; partition: number; unclean_count: number }>(
      { name: 'mark-partitions', text: MARK_PARTITIONS },
      [
        this.consumerGroup,
        partitions.map(({ topic }) => topic),
        partitions.map(({ partition }) => partition),
        partitions.map(({ offsetNext }) => offsetNext),
        instance,
      ],
    );
    const counts = new Map(rows.map((row) => [`${row.topic}/${row.partition}`, row.unclean_count]));
    return partitions.map(({ topic, partition }) => {
      const count = counts.get(`${topic}/${partition}`);
      if (count === undefined) throw new AppError('STORE_FAILED', `partition ${topic}/${partition} was not marked`);
      return count;
    });
  }

  async markRecord({ topic, partition, offset }: RecordOffset): Promise<number> {
    const statement = { name: 'mark-record', text: MARK_RECORD };
    const values = [this.consumerGroup, topic, partition, offset];
    const [row] = await this.database.run<{ former_count: number }>(statement, values);
    if (row === undefined) throw new AppError('STORE_FAILED', `partition ${topic}/${partition} has no mark`);
    return row.former_count;
  }

  async clear(partitions: readonly TopicPartition[], instance: string): Promise<void> {
    if (partitions.length === 0) return;
    await this.database.run({ name: 'clear-marks', text: CLEAR_MARKS }, [
      this.consumerGroup,
      partitions.map(({ topic }) => topic),
      partitions.map(({ partition }) => partition),
      instance,
    ]);
  }
}
