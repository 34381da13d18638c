/**
 * Waits until nothing is under way any more: the consumer group has committed every inbound record, no outbox row is
 * unpublished, and both stay so. Only then may an outcome be judged; not getting there is a finding of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import { Client } from 'pg';
import { readCommitted } from '../../cluster/kafka-client.ts';

const POLL_INTERVAL_MS = 100;

export interface QuiescenceOptions {
  readonly kafka: Kafka;
  readonly databaseUrl: string;
  readonly consumerGroup: string;
  /** Inbound topics. */
  readonly topics: readonly string[];
  readonly stableMs: number;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

export interface Quiescence {
  readonly quiet: boolean;
  /** Wall-clock time at which the quiet began, as first observed. */
  readonly quietSinceMs: number;
  readonly lag: number;
  readonly unpublished: number;
}

export async function waitForQuiescence(options: QuiescenceOptions): Promise<Quiescence> {
  const admin = options.kafka.admin();
  const client = new Client({ connectionString: options.databaseUrl, application_name: 'quiescence' });
  // A connection that breaks between two looks shows as a failed look; unhandled it would end the process.
  client.on('error', () => {});
  await admin.connect();
  try {
    await client.connect();
    return await poll(options, admin, client);
  } finally {
    await Promise.allSettled([admin.disconnect(), client.end()]);
  }
}

async function poll(options: QuiescenceOptions, admin: Admin, client: Client): Promise<Quiescence> {
  const giveUpAtMs = Date.now() + options.deadlineMs;
  let quietSinceMs: number | null = null;
  for (;;) {
    const nowMs = Date.now();
    const lag = await readLag(admin, options.consumerGroup, options.topics);
    const unpublished = await countUnpublished(client);
    if (lag !== 0 || unpublished !== 0) {
      quietSinceMs = null;
    } else {
      quietSinceMs ??= nowMs;
    }
    const quiet = quietSinceMs !== null && nowMs - quietSinceMs >= options.stableMs;
    if (quiet || nowMs >= giveUpAtMs || options.signal?.aborted === true) {
      return { quiet, quietSinceMs: quietSinceMs ?? nowMs, lag, unpublished };
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

/** Records between the consumer group's committed offsets and the ends of the topics. */
export async function readLag(admin: Admin, groupId: string, topics: readonly string[]): Promise<number> {
  const committed = await readCommitted(admin, groupId, topics);
  let lag = 0;
  for (const topic of topics) {
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      const from = committed.get(`${topic}/${partition}`) ?? Number(low);
      lag += Math.max(0, Number(high) - from);
    }
  }
  return lag;
}

async function countUnpublished(client: Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    'select count(*)::int as count from outbox where published_at is null and not dead',
  );
  return rows[0]?.count ?? 0;
}
