/**
 * Writes messages so that none is lost or doubled by the client: no request spans brokers (kafkajs forgets partitions of
 * one that does when a leader moves, and repeats those of a broker that answers late), and a message counts as written
 * only when the answer names its partition without an error. Within a partition the order is kept
 * up to the first failure. Requests are bounded in bytes and messages, calls in time.
 *
 * A destination is where messages of one topic and partition go; while a topic was never found, the topic itself.
 */
import { type Kafka, type Message, Partitioners } from 'kafkajs';
import type { AppError } from '../errors.ts';
import { isMessageRefused, isTimestampRefused, publishError } from './kafka-error.ts';
import { type PartitionMetadata, TopicDirectory } from './topic-directory.ts';
import { TopicProducers } from './topic-producers.ts';

/** Below the broker's default limit of 1 MiB, with room for what Kafka adds to a record. */
const REQUEST_BYTES_MAX = 900_000;
/** kafkajs copies the messages of a request once for each of them. */
const REQUEST_MESSAGES_MAX = 500;
/** Completions of large batches: alone in their request, and compressed, ids shrink to a fifth. */
const COMPRESS_BYTES_MIN = 100_000;
const RECORD_OVERHEAD_BYTES = 32;
/** With less than this share of a call's time left, no further request is begun. */
const LAST_SHARE = 1 / 4;
/** A message without a time of its own. */
const NO_TIMESTAMP = '-1';

/** Text is written as it is: a buffer for each would cost more than the writing. */
export interface WireMessage {
  readonly topic: string;
  readonly key: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers: Readonly<Record<string, Buffer | string | Buffer[]>>;
}

interface Entry {
  readonly index: number;
  readonly message: WireMessage;
  readonly bytes: number;
}

interface Destination {
  readonly topic: string;
  /** Undefined while the topic is not found. */
  readonly partition: number | undefined;
}

interface Target {
  readonly topic: string;
  readonly partition: number;
  readonly entries: Entry[];
}

/** Undefined while nothing is known. */
type Results = (AppError | null | undefined)[];

export class PartitionSender {
  private readonly options: { readonly kafka: Kafka; readonly callMsMax: number };
  private readonly directory: TopicDirectory;
  private readonly producers = new Map<string, TopicProducers>();
  private readonly partitionOf = Partitioners.DefaultPartitioner();
  private readonly destinations = new Map<string, Destination>();
  /** Neighbours mostly have one key, and hashing it costs more than comparing it. */
  private latest: { topic: string; key: string; partitionCount: number; name: string } | undefined;

  constructor(options: { kafka: Kafka; callMsMax: number }) {
    this.options = options;
    this.directory = new TopicDirectory(options.kafka, options.callMsMax);
  }

  async connect(): Promise<void> {
    try {
      await this.directory.connect();
    } catch (error) {
      throw publishError(error, 'any topic');
    }
  }

  async disconnect(): Promise<void> {
    const { producers } = this;
    await Promise.all([this.directory.disconnect(), ...[...producers.values()].map((one) => one.disconnect())]);
  }

  /** Answers at once. */
  destinationOf(topic: string, key: string): string {
    const partitions = this.directory.known(topic);
    if (partitions === undefined) return this.destination(topic, undefined);
    const { latest } = this;
    const partitionCount = partitions.length;
    if (latest?.topic === topic && latest.key === key && latest.partitionCount === partitionCount) return latest.name;
    const partition = this.partitionOf({ topic, partitionMetadata: partitions, message: { key, value: null } });
    const name = this.destination(topic, partition);
    this.latest = { topic, key, partitionCount, name };
    return name;
  }

  /** Parallel to the messages, all of one destination: null where acknowledged. Never rejects. */
  async sendTo(name: string, messages: readonly WireMessage[]): Promise<(AppError | null)[]> {
    const { topic, partition } = this.destinations.get(name) ?? {};
    if (topic === undefined || partition === undefined) return this.send(messages);
    const entries = messages.map((message, index) => ({ index, message, bytes: bytesOf(message) }));
    return this.sendAll([{ topic, partition, entries }], messages.length, []);
  }

  /** Parallel to the messages: null where acknowledged. Never rejects. */
  async send(messages: readonly WireMessage[]): Promise<(AppError | null)[]> {
    const results: Results = messages.map(() => undefined);
    const targets = await this.groupByPartition(messages, results);
    return this.sendAll(targets, messages.length, results);
  }

  private async sendAll(targets: readonly Target[], count: number, results: Results): Promise<(AppError | null)[]> {
    const untilMs = performance.now() + this.options.callMsMax;
    await Promise.all(targets.map((target) => this.sendToPartition(target, results, untilMs)));
    const unsent = publishError(new Error('not sent'), targets[0]?.topic ?? 'no topic');
    return Array.from({ length: count }, (_, index) => {
      const result = results[index];
      return result === undefined ? unsent : result;
    });
  }

  private async sendToPartition(target: Target, results: Results, untilMs: number): Promise<void> {
    for (const chunk of chunksOf(target.entries)) {
      const failure = await this.sendChunk(target, chunk, results, untilMs);
      if (failure === undefined) continue;
      // Messages behind a failed one are not sent, so that the order within the partition is kept.
      for (const { index } of target.entries) if (results[index] === undefined) results[index] = failure;
      this.producersOf(target.topic).failed(target.partition);
      this.directory.doubt(target.topic);
      return;
    }
  }

  /**
   * Notes what was acknowledged, and answers the error after which the partition must not go on. A request refused for
   * what is in it is halved until the refused message stands alone: it must not take its neighbours with it.
   */
  private async sendChunk(
    target: Target,
    chunk: readonly Entry[],
    results: Results,
    untilMs: number,
  ): Promise<AppError | undefined> {
    try {
      await this.sendRequest(target, chunk, untilMs);
      for (const { index } of chunk) results[index] = null;
      return undefined;
    } catch (error) {
      const failure = publishError(error, target.topic);
      if (!isMessageRefused(error)) return failure;
      const [only] = chunk;
      if (chunk.length === 1 && only !== undefined) {
        results[only.index] = failure;
        return undefined;
      }
      const half = Math.ceil(chunk.length / 2);
      const first = await this.sendChunk(target, chunk.slice(0, half), results, untilMs);
      return first ?? (await this.sendChunk(target, chunk.slice(half), results, untilMs));
    }
  }

  private async sendRequest({ topic, partition }: Target, chunk: readonly Entry[], untilMs: number): Promise<void> {
    const isCompressed = chunk.some(({ bytes }) => bytes > COMPRESS_BYTES_MIN);
    const bytes = chunk.reduce((sum, entry) => sum + entry.bytes, 0);
    const producers = this.producersOf(topic);
    const leader = this.directory.leaderOf(topic, partition);
    const send = async (messages: Message[]) => {
      const waitMsMax = untilMs - performance.now();
      if (waitMsMax < this.options.callMsMax * LAST_SHARE) throw new Error('no time left');
      await producers.send({ partition, leader, messages, bytes, isCompressed, waitMsMax });
    };
    const messages = chunk.map(({ message: { key, value, headers } }) => ({ key, value, headers, partition }));
    try {
      await send(messages);
    } catch (error) {
      if (!isTimestampRefused(error)) throw error;
      // Rather without a time than not at all: the broker does not judge what is not there.
      await send(messages.map((message) => ({ ...message, timestamp: NO_TIMESTAMP })));
    }
  }

  private async groupByPartition(messages: readonly WireMessage[], results: Results): Promise<Target[]> {
    const targets = new Map<string, Target>();
    const found = new Map<string, PartitionMetadata[] | AppError>();
    for (const [index, message] of messages.entries()) {
      const { topic } = message;
      const partitions = found.get(topic) ?? (await this.find(topic));
      found.set(topic, partitions);
      if (!Array.isArray(partitions)) {
        results[index] = partitions;
        continue;
      }
      const partition = this.partitionOf({ topic, partitionMetadata: partitions, message });
      const name = this.destination(topic, partition);
      const target: Target = targets.get(name) ?? { topic, partition, entries: [] };
      target.entries.push({ index, message, bytes: bytesOf(message) });
      targets.set(name, target);
    }
    return [...targets.values()];
  }

  private async find(topic: string): Promise<PartitionMetadata[] | AppError> {
    try {
      return await this.directory.find(topic);
    } catch (error) {
      return publishError(error, topic);
    }
  }

  private producersOf(topic: string): TopicProducers {
    const known = this.producers.get(topic);
    if (known !== undefined) return known;
    const producers = new TopicProducers(this.options.kafka, topic);
    this.producers.set(topic, producers);
    return producers;
  }

  private destination(topic: string, partition: number | undefined): string {
    const name = partition === undefined ? topic : `${topic}/${partition}`;
    if (!this.destinations.has(name)) this.destinations.set(name, { topic, partition });
    return name;
  }
}

function bytesOf({ key, value, headers }: WireMessage): number {
  let bytes =
    RECORD_OVERHEAD_BYTES +
    (key === null ? 0 : Buffer.byteLength(key)) +
    (value === null ? 0 : Buffer.byteLength(value));
  for (const [name, values] of Object.entries(headers)) {
    for (const header of Array.isArray(values) ? values : [values])
      bytes += Buffer.byteLength(name) + Buffer.byteLength(header) + 8;
  }
  return bytes;
}

function chunksOf(entries: readonly Entry[]): Entry[][] {
  const chunks: Entry[][] = [];
  let chunk: Entry[] = [];
  let chunkBytes = 0;
  for (const entry of entries) {
    const isFull = chunk.length >= REQUEST_MESSAGES_MAX || chunkBytes + entry.bytes > REQUEST_BYTES_MAX;
    const isAlone = entry.bytes > COMPRESS_BYTES_MIN || chunkBytes > REQUEST_BYTES_MAX;
    if (chunk.length > 0 && (isFull || isAlone)) {
      chunks.push(chunk);
      chunk = [];
      chunkBytes = 0;
    }
    chunk.push(entry);
    chunkBytes += entry.bytes > COMPRESS_BYTES_MIN ? REQUEST_BYTES_MAX + 1 : entry.bytes;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}
