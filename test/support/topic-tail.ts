import { type Consumer, type IHeaders, type Kafka, Partitioners } from 'kafkajs';
import { waitFor } from './wait-for.ts';

export interface TailRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
}

/** What a test sends. Anything a producer could write, right or wrong. */
export interface SentRecord {
  readonly topic: string;
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers?: IHeaders;
  /** By key where not given. */
  readonly partition?: number;
}

/** Everything that was ever written to some topics, from their beginning and as it comes. */
export class TopicTail {
  readonly records: TailRecord[] = [];
  private readonly kafka: Kafka;
  private readonly topics: readonly string[];
  private readonly consumer: Consumer;

  constructor(kafka: Kafka, options: { groupId: string; topics: readonly string[] }) {
    this.kafka = kafka;
    this.topics = options.topics;
    this.consumer = kafka.consumer({
      groupId: options.groupId,
      maxWaitTimeInMs: 50,
      maxBytesPerPartition: 16 * 1024 * 1024,
      allowAutoTopicCreation: false,
    });
  }

  async open(): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [...this.topics], fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, partition, messages } }) => {
        for (const { offset, key, value, headers } of messages) {
          this.records.push({ topic, partition, offset: Number(offset), key, value, headers: headers ?? {} });
        }
      },
    });
  }

  /** All records, once everything that is there at the time of the call was read. */
  async complete(): Promise<readonly TailRecord[]> {
    const ends = await endsOf(this.kafka, this.topics);
    await waitFor(() => ends.every(({ topic, partition, end }) => this.positionOf(topic, partition) >= end), {
      deadlineMs: 20_000,
      what: 'the outputs read to their end',
    });
    return this.records;
  }

  async close(): Promise<void> {
    await this.consumer.disconnect();
  }

  private positionOf(topic: string, partition: number): number {
    const last = this.records.findLast((record) => record.topic === topic && record.partition === partition);
    return last === undefined ? 0 : last.offset + 1;
  }
}

/** The offset behind the last record of every partition. */
export async function endsOf(
  kafka: Kafka,
  topics: readonly string[],
): Promise<{ topic: string; partition: number; end: number }[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const found = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
    return found.flatMap((partitions, index) =>
      partitions.map(({ partition, high }) => ({ topic: topics[index] ?? '', partition, end: Number(high) })),
    );
  } finally {
    await admin.disconnect();
  }
}

/** Writes the records of each topic in order. */
export async function sendRecords(kafka: Kafka, records: readonly SentRecord[]): Promise<void> {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    const topics = [...new Set(records.map(({ topic }) => topic))];
    await producer.sendBatch({
      topicMessages: topics.map((topic) => ({
        topic,
        messages: records
          .filter((record) => record.topic === topic)
          .map(({ key = null, value, headers = {}, partition }) => ({
            key,
            value,
            headers,
            ...(partition !== undefined && { partition }),
          })),
      })),
    });
  } finally {
    await producer.disconnect();
  }
}
