/**
 * Writes messages so that none is lost or doubled by the client: one `send` per partition (kafkajs forgets partitions
 * of a send that spans brokers when a leader moves, and repeats those of a broker that answers late), and a message
 * counts as written only when the answer names its partition without an error. Within a partition the order is kept
 * up to the first failure. Requests are bounded in bytes and messages.
 */
import { type Admin, CompressionTypes, type Kafka, Partitioners, type Producer } from 'kafkajs';
import { AppError } from '../errors.ts';
import { retrying } from '../timing/retrying.ts';
import { retryFor } from './client.ts';
import { isMessageRefused, publishError } from './kafka-error.ts';

const LOOKS_MAX = 3;
/** Half of it, at least: a backoff is never shorter. */
const LOOK_AGAIN_MS_MAX = 400;
const SEND_RETRY_MS_MAX = 500;
const ACKNOWLEDGE_MS_MAX = 5_000;
const METADATA_MS_MAX = 60_000;
const LEADERS_MS_MAX = 5_000;
/** Below the broker's default limit of 1 MiB, with room for what Kafka adds to a record. */
const REQUEST_BYTES_MAX = 900_000;
/** kafkajs copies the messages of a request once for each of them. */
const REQUEST_MESSAGES_MAX = 500;
/** Completions of large batches: alone in their request, and compressed, ids shrink to a fifth. */
const COMPRESS_BYTES_MIN = 100_000;
const RECORD_OVERHEAD_BYTES = 32;

export interface WireMessage {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>;
}

type PartitionMetadata = Awaited<ReturnType<Admin['fetchTopicMetadata']>>['topics'][number]['partitions'][number];

interface Entry {
  readonly index: number;
  readonly message: WireMessage;
  readonly bytes: number;
}

interface Target {
  readonly topic: string;
  readonly partition: number;
  readonly entries: Entry[];
}

/** Undefined while nothing is known. */
type Results = (AppError | null | undefined)[];

export class PartitionSender {
  private readonly producer: Producer;
  private readonly admin: Admin;
  private readonly partitionOf = Partitioners.DefaultPartitioner();
  private readonly topics = new Map<string, { partitions: PartitionMetadata[]; readAtMs: number }>();

  constructor(options: { kafka: Kafka }) {
    const retry = retryFor(SEND_RETRY_MS_MAX);
    this.producer = options.kafka.producer({
      // Named, or kafkajs warns that its default is not what it was in version 1.
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      idempotent: false,
      // A broker that hangs instead of failing gives kafkajs no reason to look who leads now.
      metadataMaxAge: LEADERS_MS_MAX,
      retry,
    });
    this.admin = options.kafka.admin({ retry });
  }

  /** Once, before the first sends: many at once on an unconnected producer would each connect. */
  async connect(): Promise<void> {
    try {
      await Promise.all([this.producer.connect(), this.admin.connect()]);
    } catch (error) {
      throw new AppError('UNAVAILABLE', 'Kafka cannot be reached for publishing', { cause: error });
    }
  }

  async disconnect(): Promise<void> {
    await Promise.all([this.producer.disconnect(), this.admin.disconnect()]);
  }

  /** Parallel to the messages: null where acknowledged. Never rejects. */
  async send(messages: readonly WireMessage[]): Promise<(AppError | null)[]> {
    const results: Results = messages.map(() => undefined);
    const targets = await this.groupByPartition(messages, results);
    await Promise.all(targets.map((target) => this.sendToPartition(target, results)));
    return results.map((result) => (result === undefined ? new AppError('UNAVAILABLE', 'not sent') : result));
  }

  private async sendToPartition(target: Target, results: Results): Promise<void> {
    for (const chunk of chunksOf(target.entries)) {
      const failure = await this.sendChunk(target, chunk, results);
      if (failure === undefined) continue;
      // Messages behind a failed one are not sent, so that the order within the partition is kept.
      for (const { index } of target.entries) if (results[index] === undefined) results[index] = failure;
      this.topics.delete(target.topic);
      return;
    }
  }

  /**
   * Notes what was acknowledged, and answers the error after which the partition must not go on. A request refused for
   * what is in it is halved until the refused message stands alone: it must not take its neighbours with it.
   */
  private async sendChunk(target: Target, chunk: readonly Entry[], results: Results): Promise<AppError | undefined> {
    try {
      await this.sendRequest(target, chunk);
      for (const { index } of chunk) results[index] = null;
      return undefined;
    } catch (error) {
      const failure = error instanceof AppError ? error : publishError(error, target.topic);
      if (!isMessageRefused(error)) return failure;
      const [only] = chunk;
      if (chunk.length === 1 && only !== undefined) {
        results[only.index] = failure;
        return undefined;
      }
      const half = Math.ceil(chunk.length / 2);
      const first = await this.sendChunk(target, chunk.slice(0, half), results);
      return first ?? (await this.sendChunk(target, chunk.slice(half), results));
    }
  }

  private async sendRequest({ topic, partition }: Target, chunk: readonly Entry[]): Promise<void> {
    const isLarge = chunk.some(({ bytes }) => bytes > COMPRESS_BYTES_MIN);
    const answers = await this.producer.send({
      topic,
      acks: -1,
      timeout: ACKNOWLEDGE_MS_MAX,
      compression: isLarge ? CompressionTypes.GZIP : CompressionTypes.None,
      messages: chunk.map(({ message: { key, value, headers } }) => ({ key, value, headers, partition })),
    });
    const isWritten = answers.some(
      (answer) => answer.topicName === topic && answer.partition === partition && answer.errorCode === 0,
    );
    if (!isWritten) throw new AppError('UNAVAILABLE', `no acknowledgement for partition ${partition} of ${topic}`);
  }

  private async groupByPartition(messages: readonly WireMessage[], results: Results): Promise<Target[]> {
    const targets = new Map<string, Target>();
    const unknown = new Map<string, AppError>();
    for (const [index, message] of messages.entries()) {
      const { topic } = message;
      const partitions = unknown.has(topic) ? undefined : await this.partitionsOf(topic, unknown);
      if (partitions === undefined) {
        results[index] = unknown.get(topic);
        continue;
      }
      const partition = this.partitionOf({ topic, partitionMetadata: partitions, message });
      const key = `${topic}/${partition}`;
      const target: Target = targets.get(key) ?? { topic, partition, entries: [] };
      target.entries.push({ index, message, bytes: bytesOf(message) });
      targets.set(key, target);
    }
    return [...targets.values()];
  }

  /** Undefined, with the error noted in `unknown`, when the topic cannot be looked up. */
  private async partitionsOf(topic: string, unknown: Map<string, AppError>): Promise<PartitionMetadata[] | undefined> {
    const known = this.topics.get(topic);
    if (known !== undefined && performance.now() - known.readAtMs < METADATA_MS_MAX) return known.partitions;
    try {
      const partitions = await this.lookUp(topic);
      this.topics.set(topic, { partitions, readAtMs: performance.now() });
      return partitions;
    } catch (error) {
      unknown.set(topic, error instanceof AppError ? error : publishError(error, topic));
      return undefined;
    }
  }

  /** A broker that has just started may not know every topic yet: "unknown" is believed when it is said repeatedly. */
  private lookUp(topic: string): Promise<PartitionMetadata[]> {
    const look = async () => {
      const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
      if (partitions.length === 0) throw new AppError('UNAVAILABLE', `${topic} shows no partitions`);
      return partitions;
    };
    const mayRetry = (_error: unknown, failureCount: number) => failureCount < LOOKS_MAX;
    return retrying(look, { delayMinMs: LOOK_AGAIN_MS_MAX, delayMaxMs: LOOK_AGAIN_MS_MAX, mayRetry });
  }
}

function bytesOf({ key, value, headers }: WireMessage): number {
  let bytes = RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, values] of Object.entries(headers)) {
    for (const header of Array.isArray(values) ? values : [values])
      bytes += Buffer.byteLength(name) + header.length + 8;
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
