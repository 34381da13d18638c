/**
 * Knows the partitions of topics. What was known once is answered at once and looked up again beside the work, so that
 * a broker that hangs or a topic that is gone for a while holds up nobody who knows where to write. A partition without
 * a leader counts: the number of partitions decides where a key belongs.
 */
import type { Admin, Kafka } from 'kafkajs';
import { AppError } from '../errors.ts';
import { settledWithin } from '../timing/deadline.ts';
import { publishError } from './kafka-error.ts';

const KNOWN_MS_MAX = 60_000;

export type PartitionMetadata = Awaited<
  ReturnType<Admin['fetchTopicMetadata']>
>['topics'][number]['partitions'][number];

interface KnownTopic {
  partitions: PartitionMetadata[] | undefined;
  askedAtMs: number;
  looking: Promise<PartitionMetadata[]> | undefined;
}

export class TopicDirectory {
  private readonly kafka: Kafka;
  private readonly waitMsMax: number;
  private readonly topics = new Map<string, KnownTopic>();
  private admin: Admin | undefined;

  constructor(kafka: Kafka, waitMsMax: number) {
    this.kafka = kafka;
    this.waitMsMax = waitMsMax;
  }

  async connect(): Promise<void> {
    await this.open().connect();
  }

  async disconnect(): Promise<void> {
    const { admin } = this;
    this.admin = undefined;
    await admin?.disconnect().catch(() => undefined);
  }

  /** Undefined when the topic was never found; then, and when the answer is old, a look is begun. */
  known(topic: string): PartitionMetadata[] | undefined {
    const known = this.entry(topic);
    if (performance.now() - known.askedAtMs > KNOWN_MS_MAX) this.look(topic, known).catch(() => undefined);
    return known.partitions;
  }

  /** As it was known last; -1 where nobody leads it, or nothing is known. */
  leaderOf(topic: string, partition: number): number {
    const partitions = this.topics.get(topic)?.partitions ?? [];
    return partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? -1;
  }

  /** Rejects when the topic cannot be found now. */
  async find(topic: string): Promise<PartitionMetadata[]> {
    return this.known(topic) ?? this.look(topic, this.entry(topic));
  }

  /** Something did not fit: the next question begins another look. */
  doubt(topic: string): void {
    this.entry(topic).askedAtMs = Number.NEGATIVE_INFINITY;
  }

  private entry(topic: string): KnownTopic {
    const known = this.topics.get(topic);
    if (known !== undefined) return known;
    const unknown = { partitions: undefined, askedAtMs: Number.NEGATIVE_INFINITY, looking: undefined };
    this.topics.set(topic, unknown);
    return unknown;
  }

  private look(topic: string, known: KnownTopic): Promise<PartitionMetadata[]> {
    if (known.looking !== undefined) return known.looking;
    known.askedAtMs = performance.now();
    known.looking = this.ask(topic)
      .then((partitions) => {
        known.partitions = partitions;
        return partitions;
      })
      .finally(() => {
        known.looking = undefined;
      });
    return known.looking;
  }

  private async ask(topic: string): Promise<PartitionMetadata[]> {
    const asked = this.open();
    try {
      const answer = asked.fetchTopicMetadata({ topics: [topic] });
      answer.catch(() => undefined);
      if (!(await settledWithin(answer, this.waitMsMax))) throw new Error(`no answer about ${topic} in time`);
      const partitions = (await answer).topics.find(({ name }) => name === topic)?.partitions ?? [];
      if (partitions.length === 0) throw new AppError('UNAVAILABLE', `${topic} shows no partitions`);
      return partitions;
    } catch (error) {
      // Its connection may be to a broker that hangs.
      if (this.admin === asked) await this.disconnect();
      throw error instanceof AppError ? error : publishError(error, topic);
    }
  }

  private open(): Admin {
    this.admin ??= this.kafka.admin({ toleratesPartitionErrors: true, retry: { retries: 0 } });
    return this.admin;
  }
}
