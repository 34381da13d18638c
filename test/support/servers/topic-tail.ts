import {
  type Admin,
  CompressionTypes,
  type Consumer,
  type IHeaders,
  type Kafka,
  Partitioners,
  type TopicMessages,
} from 'kafkajs';
import { waitFor } from '../wait-for.ts';

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
  private readonly admin: Admin;
  private readonly topics: readonly string[];
  private readonly consumer: Consumer;

  constructor(kafka: Kafka, options: { groupId: string; topics: readonly string[] }) {
    this.admin = kafka.admin();
    this.topics = options.topics;
    this.consumer = kafka.consumer({
      groupId: options.groupId,
      maxWaitTimeInMs: 50,
      maxBytesPerPartition: 16 * 1024 * 1024,
      allowAutoTopicCreation: false,
    });
  }

  async open(): Promise<void> {
    await Promise.all([this.consumer.connect(), this.admin.connect()]);
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
    const ends = await endsOf(this.admin, this.topics);
    await waitFor(() => ends.every(({ topic, partition, end }) => this.positionOf(topic, partition) >= end), {
      deadlineMs: 20_000,
      what: 'the outputs read to their end',
    });
    return this.records;
  }

  async close(): Promise<void> {
    await Promise.all([this.consumer.disconnect(), this.admin.disconnect()]);
  }

  private positionOf(topic: string, partition: number): number {
    const last = this.records.findLast((record) => record.topic === topic && record.partition === partition);
    return last === undefined ? 0 : last.offset + 1;
  }
}

/** The offset behind the last record of every partition. */
export async function endsOf(
  admin: Admin,
  topics: readonly string[],
): Promise<{ topic: string; partition: number; end: number }[]> {
  const found = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
  return found.flatMap((partitions, index) =>
    partitions.map(({ partition, high }) => ({ topic: topics[index] ?? '', partition, end: Number(high) })),
  );
}

/** Below what a broker takes in one request of one partition. */
const REQUEST_BYTES_MAX = 900_000;

/** Writes the records in order; large ones in requests of their own. */
export async function sendRecords(
  kafka: Kafka,
  records: readonly SentRecord[],
  compression = CompressionTypes.None,
): Promise<void> {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    for (const request of requestsOf(records)) await producer.sendBatch({ topicMessages: request, compression });
  } finally {
    await producer.disconnect();
  }
}

function requestsOf(records: readonly SentRecord[]): TopicMessages[][] {
  const requests: Map<string, TopicMessages>[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const { topic, key = null, value, headers = {}, partition } of records) {
    const recordBytes = 1_000 + Buffer.byteLength(key ?? '') + Buffer.byteLength(value ?? '');
    if (bytes + recordBytes > REQUEST_BYTES_MAX) {
      requests.push(new Map());
      bytes = 0;
    }
    bytes += recordBytes;
    const request = requests.at(-1);
    const { messages } = request?.get(topic) ?? { messages: [] };
    const message = { key, value, headers, ...(partition !== undefined && { partition }) };
    request?.set(topic, { topic, messages: [...messages, message] });
  }
  return requests.map((request) => [...request.values()]);
}
