/**
 * Reads whole topics, from the first record to the end as it was when reading began, with a consumer group of its
 * own that is deleted afterwards. Never a part of them: records that do not come within the deadline are an error.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Admin, Consumer, IHeaders, Kafka } from 'kafkajs';
import { withAdmin } from '../cluster/kafka-client.ts';
import type { RecordBytes } from '../run/topic-record.ts';

const NEWS_MS_MAX = 10_000;
const NEWS_POLL_MS = 100;

export interface ReadTopicsOptions {
  readonly kafka: Kafka;
  /** Topics that do not exist are an error. */
  readonly topics: readonly string[];
  readonly onRecord: (record: RecordBytes) => void;
  readonly deadlineMs: number;
}

export async function readTopics(options: ReadTopicsOptions): Promise<void> {
  const groupId = `harness-collect-${randomUUID()}`;
  await withAdmin(options.kafka, async (admin) => {
    const remaining = await findEnds(admin, options.topics);
    if (remaining.size > 0) {
      await readUntil(options, groupId, remaining);
      await admin.deleteGroups([groupId]);
    }
  });
}

/** Partition to the offset of its last record; partitions without records are left out. */
async function findEnds(admin: Admin, topics: readonly string[]): Promise<Map<string, bigint>> {
  const existing = new Set(await admin.listTopics());
  const missing = topics.filter((topic) => !existing.has(topic));
  if (missing.length > 0) {
    throw new Error(`no such topic: ${missing.join(', ')}`);
  }
  const ends = new Map<string, bigint>();
  for (const topic of topics) {
    for (const { partition, low, high } of await offsetsOf(admin, topic)) {
      if (BigInt(high) > BigInt(low)) {
        ends.set(`${topic}/${partition}`, BigInt(high) - 1n);
      }
    }
  }
  return ends;
}

/** A broker may not have heard yet of a topic that was just created; it soon will. */
async function offsetsOf(admin: Admin, topic: string): Promise<{ partition: number; low: string; high: string }[]> {
  const endMs = performance.now() + NEWS_MS_MAX;
  for (;;) {
    try {
      return await admin.fetchTopicOffsets(topic);
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await delay(NEWS_POLL_MS);
    }
  }
}

async function readUntil(options: ReadTopicsOptions, groupId: string, remaining: Map<string, bigint>): Promise<void> {
  const consumer = options.kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 4 * 1_048_576,
    readUncommitted: false,
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    await consume(consumer, options, remaining);
  } finally {
    await consumer.disconnect();
  }
}

function consume(consumer: Consumer, options: ReadTopicsOptions, remaining: Map<string, bigint>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const left = [...remaining.keys()].join(', ');
      reject(new Error(`not read to the end within ${options.deadlineMs} ms: ${left}`));
    }, options.deadlineMs);
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      // A crash that the client mends by itself reads from the beginning again; `read` leaves out what came before.
      if (!payload.restart) {
        finish(() => reject(payload.error));
      }
    });
    const read = new Map<string, bigint>();
    // Also of batches in which there is nothing to see: markers of transactions, records that were taken back.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
      const name = `${topic}/${partition}`;
      const last = remaining.get(name);
      if (last !== undefined && BigInt(lastOffset) >= last) remaining.delete(name);
      if (remaining.size === 0) finish(resolve);
    });
    const run = consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const partition = `${batch.topic}/${batch.partition}`;
        const last = remaining.get(partition);
        for (const message of batch.messages) {
          const offset = BigInt(message.offset);
          // A record written after reading began is not part of the answer.
          if (last !== undefined && offset <= last && offset > (read.get(partition) ?? -1n)) {
            read.set(partition, offset);
            options.onRecord(rawRecord(batch.topic, batch.partition, message));
          }
        }
      },
    });
    run.catch((error: Error) => finish(() => reject(error)));
  });
}

function rawRecord(
  topic: string,
  partition: number,
  message: { offset: string; timestamp: string; key: Buffer | null; value: Buffer | null; headers?: IHeaders },
): RecordBytes {
  const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
  return {
    topic,
    partition,
    offset: message.offset,
    timestampMs: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: Object.fromEntries(headers),
  };
}
