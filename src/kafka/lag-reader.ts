/**
 * Lag from the brokers' own numbers: end of the partition minus committed offset, from the start of the log where
 * nothing was committed. It needs no consumer, so it also shows a consumer that stands still. Unknown is -1, for every
 * partition that was ever seen. Never rejects; one reading at a time.
 */
import type { Admin, Kafka } from 'kafkajs';
import type { LagReader, TopicPartition } from '../domain/ports.ts';
import type { Logger } from '../telemetry/logger.ts';

export class KafkaLagReader implements LagReader {
  private readonly options: LagReaderOptions;
  private readonly admin: Admin;
  private connected: Promise<void> | undefined;
  private reading: Promise<PartitionLag[]> | undefined;
  private known: readonly TopicPartition[];

  constructor(options: LagReaderOptions) {
    this.options = options;
    this.admin = options.kafka.admin();
    // Until the partitions are known, one of each topic stands for it, so that "unknown" is visible.
    this.known = options.topics.map((topic) => ({ topic, partition: 0 }));
  }

  async read(): Promise<readonly PartitionLag[]> {
    this.reading ??= this.readOnce().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  async disconnect(): Promise<void> {
    await this.admin.disconnect();
  }

  private async readOnce(): Promise<PartitionLag[]> {
    let lags: PartitionLag[];
    try {
      await this.connect();
      lags = await this.readLags();
      this.known = lags;
    } catch (error) {
      this.options.log.warn({ err: error }, 'lag is unknown');
      lags = this.known.map(({ topic, partition }) => ({ topic, partition, lag: -1 }));
    }
    return lags;
  }

  private connect(): Promise<void> {
    this.connected ??= this.admin.connect().catch((error: unknown) => {
      this.connected = undefined;
      throw error;
    });
    return this.connected;
  }

  private async readLags(): Promise<PartitionLag[]> {
    const { groupId, topics } = this.options;
    // Committed first: an end read later is never below it, so lag is never negative by the order of reading.
    // Of all topics: asked by name, kafkajs may forget one of them where one of several brokers answers late.
    const committed = await this.admin.fetchOffsets({ groupId });
    const lags: PartitionLag[] = [];
    for (const topic of topics) {
      const offsets = new Map(
        committed.find((one) => one.topic === topic)?.partitions.map((one) => [one.partition, Number(one.offset)]),
      );
      for (const { partition, high, low } of await this.admin.fetchTopicOffsets(topic)) {
        const offset = offsets.get(partition) ?? -1;
        lags.push({ topic, partition, lag: Math.max(0, Number(high) - (offset < 0 ? Number(low) : offset)) });
      }
    }
    return lags.sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
  }
}

export interface LagReaderOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly log: Logger;
}

type PartitionLag = TopicPartition & { readonly lag: number };
