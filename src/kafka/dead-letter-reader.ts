/**
 * Reads a dead-letter topic from where it is asked to the end that it had when the reading began, in the order of each
 * partition, so that nobody chases what he causes himself. Joins no group that lasts, commits nothing.
 */
import { randomUUID } from 'node:crypto';
import type { EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { deadLetterTopic } from '../contract/topics.ts';
import { adminError } from './kafka-error.ts';

const STALL_MS_MAX = 30_000;
const HEADER_PREFIX = 'dlq-';
/** Of a record that is no letter: it names letters that were replayed, as partition/offset, with spaces between them. */
export const REPLAYED_HEADER = `${HEADER_PREFIX}replayed`;

export interface Reading {
  startOf(range: OffsetRange): number;
  /** A letter. */
  visit(letter: DeadLetterContent): Promise<'continue' | 'stop'>;
  /** A note of letters that were replayed. */
  note?(replayed: readonly string[]): void;
}

export class DeadLetterReader {
  private readonly kafka: Kafka;

  constructor(kafka: Kafka) {
    this.kafka = kafka;
  }

  async read(topic: string, reading: Reading): Promise<void> {
    const letters = deadLetterTopic(topic);
    const groupId = `dead-letters-${randomUUID()}`;
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      const ranges = (await admin.fetchTopicOffsets(letters)).map((found) => {
        const range = { partition: found.partition, low: Number(found.low), high: Number(found.high) };
        return { ...range, start: Math.max(range.low, reading.startOf(range)) };
      });
      const open = new Map(ranges.filter(({ start, high }) => start < high).map((range) => [range.partition, range]));
      if (open.size === 0) return;
      await this.consume(groupId, letters, open, reading);
      // The group never committed anything; without members it would vanish by itself, only later.
      await admin.deleteGroups([groupId]).catch(() => undefined);
    } catch (error) {
      throw adminError(error, `${letters} cannot be read`);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  /** kafkajs reads only as a member of a group: one of its own, that sees every partition and commits nothing. */
  private async consume(
    groupId: string,
    topic: string,
    open: Map<number, OffsetRange & { start: number }>,
    reading: Reading,
  ): Promise<void> {
    const consumer = this.kafka.consumer({
      groupId,
      maxWaitTimeInMs: 100,
      allowAutoTopicCreation: false,
      retry: { restartOnFailure: async () => false },
    });
    let watch: NodeJS.Timeout | undefined;
    try {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await new Promise<void>((resolve, reject) => {
        const progressed = () => {
          clearTimeout(watch);
          watch = setTimeout(() => reject(new Error(`no letter for ${STALL_MS_MAX} ms`)), STALL_MS_MAX);
        };
        const eachBatch = async (payload: EachBatchPayload) => {
          try {
            const isDone = await visitBatch(payload, open, reading, progressed);
            if (isDone) resolve();
          } catch (error) {
            reject(error);
          }
        };
        progressed();
        consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
        consumer
          .run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch })
          .then(() => {
            for (const { partition, start } of open.values())
              consumer.seek({ topic, partition, offset: String(start) });
          })
          .catch(reject);
      });
    } finally {
      clearTimeout(watch);
      await consumer.disconnect().catch(() => undefined);
    }
  }
}

interface DeadLetterEntry {
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly detail: string;
  readonly originalTopic: string;
  readonly originalPartition: number;
  readonly originalOffset: number;
  readonly attempts: number;
  /** ISO 8601. */
  readonly firstSeen: string;
  readonly instance: string;
  readonly key: string | null;
  readonly valueBytes: number;
}

export interface DeadLetterContent extends DeadLetterEntry {
  readonly keyBytes: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>;
}

export interface OffsetRange {
  readonly partition: number;
  readonly low: number;
  /** The first offset that is not there yet. */
  readonly high: number;
}

/** Answers whether all was read that was asked for. Partitions read to their end leave `open`. */
async function visitBatch(
  { batch, resolveOffset, heartbeat }: EachBatchPayload,
  open: Map<number, OffsetRange & { start: number }>,
  reading: Reading,
  progressed: () => void,
): Promise<boolean> {
  const range = open.get(batch.partition);
  if (range === undefined) return open.size === 0;
  for (const message of batch.messages) {
    const offset = Number(message.offset);
    // The first fetch may have begun at the start of the log, before the seek.
    if (offset < range.start || offset >= range.high) continue;
    if ((await show(batch, message, reading)) === 'stop') {
      open.clear();
      return true;
    }
    progressed();
    await heartbeat();
  }
  resolveOffset(batch.lastOffset());
  if (Number(batch.lastOffset()) + 1 >= range.high) open.delete(batch.partition);
  return open.size === 0;
}

async function show(
  batch: EachBatchPayload['batch'],
  message: KafkaMessage,
  { visit, note }: Reading,
): Promise<'continue' | 'stop'> {
  const replayed = message.headers?.[REPLAYED_HEADER];
  if (replayed === undefined) {
    return visit({
      ...entryOf(batch, message),
      keyBytes: message.key,
      value: message.value,
      headers: headersOf(message),
    });
  }
  note?.(String(replayed).split(' '));
  return 'continue';
}

function entryOf({ topic, partition }: { topic: string; partition: number }, message: KafkaMessage): DeadLetterEntry {
  const text = (name: string) => String(message.headers?.[`${HEADER_PREFIX}${name}`] ?? '');
  return {
    partition,
    offset: Number(message.offset),
    reason: text('reason'),
    detail: text('detail'),
    originalTopic: text('topic') || topic.slice(0, -deadLetterTopic('').length),
    originalPartition: Number(text('partition')),
    originalOffset: Number(text('offset')),
    attempts: Number(text('attempts')),
    firstSeen: text('first-seen'),
    instance: text('instance'),
    key: message.key === null ? null : message.key.toString(),
    valueBytes: message.value?.length ?? 0,
  };
}

function headersOf(message: KafkaMessage): Record<string, Buffer | Buffer[]> {
  const entries = Object.entries(message.headers ?? {}).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map((one) => Buffer.from(one)) : Buffer.from(value ?? ''),
  ]);
  return Object.fromEntries(entries);
}
