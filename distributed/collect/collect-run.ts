/**
 * Brings the truth of a run into its directory once everything is at rest: topics from their first record to their end,
 * tables and audit, committed offsets, sessions, hints. The service is not asked; nothing is changed.
 */
import { Redis } from 'ioredis';
import type { Kafka } from 'kafkajs';
import { deadLetterTopic, INBOUND, OUTBOUND, type Topics } from '../../src/contract/topics.ts';
import { readCommitted, withAdmin } from '../cluster/kafka-client.ts';
import { JsonLinesWriter } from '../run/json-lines.ts';
import type { RunDirectory, TopicFile } from '../run/run-directory.ts';
import { encodeTopicRecord } from '../run/topic-record.ts';
import { ACTIVITY_FILE, collectActivity } from './activity.ts';
import { COLLECTED_FILE, type Collected, writeCollected } from './collected.ts';
import { readTopics } from './read-topics.ts';
import { REDIS_FILE, type RedisKey, readRedisKeys } from './redis-keys.ts';
import { collectTables } from './tables.ts';

const REDIS_CONNECT_MS_MAX = 2_000;

export interface CollectOptions {
  readonly directory: RunDirectory;
  readonly kafka: Kafka;
  readonly topics: Topics;
  readonly consumerGroup: string;
  readonly databaseUrl: string;
  /** Without it hints are not looked at. */
  readonly redisUrl?: string;
  /**
   * Called when the sessions have been looked at and before anything else is read. Tables and topics cannot be read at
   * the same instant, so whoever is not sure of rest stops the workers here.
   */
  readonly freeze?: () => Promise<void>;
  readonly deadlineMs: number;
  /** Milliseconds since the run began. */
  readonly monoMs: () => number;
}

/** Sessions first: reading topics takes a while, and who is stuck now should be seen now. */
export async function collectRun(options: CollectOptions): Promise<Collected> {
  const { directory, databaseUrl } = options;
  await collectActivity(databaseUrl, directory.file(ACTIVITY_FILE));
  await options.freeze?.();
  if (options.redisUrl !== undefined) await collectHints(directory, options.redisUrl);
  const tables = await collectTables(databaseUrl, directory.path);
  const lines: Record<string, number> = { ...tables.lines };
  for (const file of ['in', 'out', 'dlq'] as const) lines[`topics/${file}.jsonl`] = await collectTopics(options, file);
  const partitions = await collectPartitions(options);
  const collected: Collected = { lines, partitions, audited: tables.audited };
  await writeCollected(directory.file(COLLECTED_FILE), collected);
  return collected;
}

/** A Redis that does not answer leaves nothing to look at, and that is all right. */
export async function collectHints(directory: RunDirectory, redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: REDIS_CONNECT_MS_MAX,
    commandTimeout: REDIS_CONNECT_MS_MAX,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  const writer = new JsonLinesWriter<RedisKey>(directory.file(REDIS_FILE));
  try {
    await redis.connect();
    await writer.appendAll(readRedisKeys(redis, '*hint:*'));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  } finally {
    writer.close();
    redis.disconnect();
  }
}

function namesOf(topics: Topics, file: TopicFile): string[] {
  if (file === 'out') return OUTBOUND.map((name) => topics[name]);
  const inbound = INBOUND.map((name) => topics[name]);
  return file === 'in' ? inbound : inbound.map(deadLetterTopic);
}

async function collectTopics(options: CollectOptions, file: TopicFile): Promise<number> {
  const { kafka, topics, deadlineMs, directory } = options;
  const writer = directory.topicWriter(file);
  let count = 0;
  try {
    await writer.appendAll([]);
    await readTopics({
      kafka,
      topics: namesOf(topics, file),
      deadlineMs,
      onRecord: (record) => {
        writer.append(encodeTopicRecord(record));
        count++;
      },
    });
  } finally {
    writer.close();
  }
  return count;
}

async function collectPartitions(options: CollectOptions): Promise<Collected['partitions']> {
  const { kafka, topics, consumerGroup, directory } = options;
  return withAdmin(kafka, async (admin) => {
    const committed = await readCommitted(admin, consumerGroup, namesOf(topics, 'in'));
    const partitions: Collected['partitions'] = [];
    for (const file of ['in', 'out', 'dlq'] as const) {
      for (const topic of namesOf(topics, file)) {
        for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
          const end = Number(high);
          const position = file === 'in' ? { committed: committed.get(`${topic}/${partition}`) ?? null } : {};
          partitions.push({ file, topic, partition, low: Number(low), end, ...position });
        }
      }
    }
    writeSamples(directory, options, partitions);
    return partitions;
  });
}

/** The last of the run's offset samples. */
function writeSamples(
  directory: RunDirectory,
  { consumerGroup: group, monoMs }: CollectOptions,
  partitions: Collected['partitions'],
): void {
  const writer = directory.offsetWriter();
  for (const { topic, partition, end, committed } of partitions) {
    if (committed !== undefined) {
      writer.append({ monoMs: monoMs(), wallMs: Date.now(), group, topic, partition, committed, end });
    }
  }
  writer.close();
}
