/**
 * The dead letters of a topic, for operators: look at them, and send them again with their original bytes. Nothing is
 * ever deleted from a dead-letter topic. Readings end at what was there when they began, so a replay does not chase
 * the letters it causes. Topics are named by the topic the records came from.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { deadLetterTopic } from '../contract/topics.ts';
import { AppError } from '../errors.ts';
import { adminError } from './kafka-error.ts';
import { PartitionSender, type WireMessage } from './partition-sender.ts';

const STALL_MS_MAX = 30_000;
/** Longest writing of one letter. */
const REPLAY_MS_MAX = 10_000;
const HEADER_PREFIX = 'dlq-';
const REPLAYED_FROM = 'replayed-from';

export class KafkaDeadLetterLog {
  private readonly kafka: Kafka;

  constructor(options: { kafka: Kafka }) {
    this.kafka = options.kafka;
  }

  /** The newest `rowsMax` (of one reason or partition, if given) with their bytes, the oldest of them first. */
  async list(options: {
    topic: string;
    reason?: string;
    partition?: number;
    rowsMax: number;
  }): Promise<DeadLetterContent[]> {
    const entries = new Map<number, DeadLetterContent[]>();
    await this.read(options.topic, {
      startOf: ({ partition, low, high }) => {
        if (options.partition !== undefined && options.partition !== partition) return high;
        return options.reason === undefined ? high - options.rowsMax : low;
      },
      visit: async (entry, message) => {
        if (options.reason !== undefined && entry.reason !== options.reason) return 'continue';
        const newest = entries.get(entry.partition) ?? [];
        entries.set(entry.partition, newest);
        newest.push({ ...entry, value: message.value, headers: headersOf(message) });
        if (newest.length > options.rowsMax) newest.shift();
        return 'continue';
      },
    });
    return newestOf([...entries.values()].flat(), options.rowsMax);
  }

  /** One letter with its bytes and all its headers; undefined when it is not there. */
  async show(options: { topic: string; partition: number; offset: number }): Promise<DeadLetterContent | undefined> {
    let found: DeadLetterContent | undefined;
    await this.read(options.topic, {
      startOf: ({ partition, high }) => (partition === options.partition ? options.offset : high),
      visit: async (entry, message) => {
        if (entry.partition !== options.partition || entry.offset !== options.offset) return 'stop';
        found = { ...entry, value: message.value, headers: headersOf(message) };
        return 'stop';
      },
    });
    return found;
  }

  /** Sends chosen letters to the topic they came from. Rejects at the first that is not acknowledged. */
  async replay(options: ReplayOptions): Promise<ReplayReport> {
    const report = { matched: 0, replayed: 0, skipped: 0 };
    const sender = new PartitionSender({ kafka: this.kafka, callMsMax: REPLAY_MS_MAX });
    await sender.connect();
    try {
      await this.read(options.topic, {
        startOf: ({ low }) => low,
        visit: async (entry, message) => {
          if (!isChosen(entry, options)) return 'continue';
          report.matched += 1;
          // All of a record batch, compressed: no record to send.
          if (entry.reason === 'undecodable_batch') report.skipped += 1;
          else if (options.dryRun !== true) {
            const [failure] = await sender.send([replayOf(entry, message)]);
            if (failure) {
              const done = `${report.replayed} letters were replayed before offset ${entry.offset}`;
              throw new AppError('UNAVAILABLE', `replay stopped: ${done}`, { cause: failure });
            }
            report.replayed += 1;
            await delay(1_000 / options.recordsPerSecond);
          }
          options.onProgress?.(report);
          return 'continue';
        },
      });
    } finally {
      await sender.disconnect();
    }
    return report;
  }

  /** Every letter from `startOf` to the present end, in offset order per partition. */
  private async read(topic: string, reading: Reading): Promise<void> {
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
      await this.consume(groupId, letters, open, reading.visit);
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
    visit: Reading['visit'],
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
            const isDone = await visitBatch(payload, open, visit, progressed);
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

export interface DeadLetterEntry {
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
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>;
}

export interface ReplayOptions {
  readonly topic: string;
  /** All reasons when absent. */
  readonly reason?: string;
  /** Of the dead-letter topic; all when absent. */
  readonly partition?: number;
  /** Offsets in the dead-letter topic (in each partition where none is named); all when absent. */
  readonly offsets?: readonly number[];
  readonly recordsPerSecond: number;
  /** Count only. */
  readonly dryRun?: boolean;
  /** Called after every letter. */
  readonly onProgress?: (soFar: ReplayReport) => void;
}

export interface ReplayReport {
  readonly matched: number;
  readonly replayed: number;
  /** Letters that are no record: batches that could not be decoded. */
  readonly skipped: number;
}

interface OffsetRange {
  readonly partition: number;
  readonly low: number;
  /** The first offset that is not there yet. */
  readonly high: number;
}

interface Reading {
  startOf(range: OffsetRange): number;
  visit(entry: DeadLetterEntry, message: KafkaMessage): Promise<'continue' | 'stop'>;
}

/** Answers whether all was read that was asked for. Partitions read to their end leave `open`. */
async function visitBatch(
  { batch, resolveOffset, heartbeat }: EachBatchPayload,
  open: Map<number, OffsetRange & { start: number }>,
  visit: Reading['visit'],
  progressed: () => void,
): Promise<boolean> {
  const range = open.get(batch.partition);
  if (range === undefined) return open.size === 0;
  for (const message of batch.messages) {
    const offset = Number(message.offset);
    // The first fetch may have begun at the start of the log, before the seek.
    if (offset < range.start || offset >= range.high) continue;
    if ((await visit(entryOf(batch, message), message)) === 'stop') {
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

function isChosen(entry: DeadLetterEntry, { reason, partition, offsets }: ReplayOptions): boolean {
  return (
    (reason === undefined || entry.reason === reason) &&
    (partition === undefined || entry.partition === partition) &&
    (offsets?.includes(entry.offset) ?? true)
  );
}

function replayOf(entry: DeadLetterEntry, message: KafkaMessage): WireMessage {
  const original = Object.entries(headersOf(message)).filter(([name]) => !name.startsWith(HEADER_PREFIX));
  const from = `${deadLetterTopic(entry.originalTopic)}/${entry.partition}/${entry.offset}`;
  return {
    topic: entry.originalTopic,
    key: message.key,
    value: message.value,
    headers: { ...Object.fromEntries(original), [REPLAYED_FROM]: Buffer.from(from) },
  };
}

function headersOf(message: KafkaMessage): Record<string, Buffer | Buffer[]> {
  const entries = Object.entries(message.headers ?? {}).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map((one) => Buffer.from(one)) : Buffer.from(value ?? ''),
  ]);
  return Object.fromEntries(entries);
}

/** In the order in which they were set aside, whatever partition or topic they lie in. */
export function newestOf<Letter extends { readonly firstSeen: string | null }>(
  letters: readonly Letter[],
  countMax: number,
): Letter[] {
  const byTime = letters.toSorted((a, b) => (a.firstSeen ?? '').localeCompare(b.firstSeen ?? ''));
  return byTime.slice(-countMax);
}
