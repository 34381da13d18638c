/**
 * The producers of one topic. Guarantees: a partition in trouble holds up no other, and no call takes longer than it
 * was given. A broker serves the requests of one connection one after the other, so a request that waits for the
 * replicas of a sick partition would hold up everything behind it; and a producer whose leaders are out of date would
 * wait for them again and again. So the partitions share one producer only while they are well. After a failure a
 * partition goes by a fresh one, with connections and metadata of its own, until a request of it succeeds; that
 * producer then takes the place of the one that all share, for it knows more.
 */
import { CompressionTypes, type Kafka, type Message, Partitioners, type Producer } from 'kafkajs';
import { AppError } from '../errors.ts';
import { settledWithin } from '../timing/deadline.ts';

/** Of the time a call is given, the share in which replicas must acknowledge; the broker gives up after it. */
const ACKNOWLEDGE_SHARE = 1 / 2;

export interface ProduceRequest {
  readonly partition: number;
  readonly messages: readonly Message[];
  readonly isCompressed: boolean;
  readonly waitMsMax: number;
}

interface Connected {
  readonly producer: Producer;
  readonly ready: Promise<void>;
  readonly bornAtMs: number;
  sendCount: number;
  isRetired: boolean;
}

export class TopicProducers {
  private readonly kafka: Kafka;
  private readonly topic: string;
  private readonly sick = new Set<number>();
  private shared: Connected | undefined;
  private readonly opened = new Set<Connected>();

  constructor(kafka: Kafka, topic: string) {
    this.kafka = kafka;
    this.topic = topic;
  }

  /** Resolves when the partition's leader acknowledged all of them, rejects otherwise, in time. */
  async send(request: ProduceRequest): Promise<void> {
    const { partition } = request;
    const isAlone = this.sick.has(partition);
    const connected = isAlone ? this.open() : this.share();
    connected.isRetired = isAlone;
    connected.sendCount += 1;
    try {
      await this.sendBy(connected, request);
      this.sick.delete(partition);
      if (isAlone) this.promote(connected);
    } finally {
      connected.sendCount -= 1;
      void this.closeUnused(connected);
    }
  }

  /** The request failed for reasons that are not in its messages. */
  failed(partition: number): void {
    this.sick.add(partition);
  }

  async disconnect(): Promise<void> {
    await Promise.all([...this.opened].map((connected) => this.close(connected)));
  }

  private async sendBy({ producer, ready }: Connected, request: ProduceRequest): Promise<void> {
    const sent = this.produce(producer, ready, request);
    if (await settledWithin(sent, request.waitMsMax)) return sent;
    // Closed, it cannot send later what is taken for failed now.
    if (producer === this.shared?.producer) this.retireShared();
    throw new AppError('UNAVAILABLE', `no answer for partition ${request.partition} of ${this.topic} in time`);
  }

  private async produce(producer: Producer, ready: Promise<void>, request: ProduceRequest): Promise<void> {
    await ready;
    const { partition, messages, isCompressed, waitMsMax } = request;
    const answers = await producer.send({
      topic: this.topic,
      acks: -1,
      timeout: Math.floor(waitMsMax * ACKNOWLEDGE_SHARE),
      compression: isCompressed ? CompressionTypes.GZIP : CompressionTypes.None,
      messages: [...messages],
    });
    const isWritten = answers.some(
      (answer) => answer.topicName === this.topic && answer.partition === partition && answer.errorCode === 0,
    );
    if (!isWritten) throw new AppError('UNAVAILABLE', `no acknowledgement for partition ${partition} of ${this.topic}`);
  }

  private open(): Connected {
    const producer = this.kafka.producer({
      // Named, or kafkajs warns that its default is not what it was in version 1.
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      toleratesPartitionErrors: true,
      idempotent: false,
      // Whoever tries again does so with a fresh producer.
      retry: { retries: 0 },
    });
    const ready = producer.connect();
    ready.catch(() => undefined);
    const connected = { producer, ready, bornAtMs: performance.now(), sendCount: 0, isRetired: false };
    this.opened.add(connected);
    return connected;
  }

  private share(): Connected {
    this.shared ??= this.open();
    return this.shared;
  }

  private promote(connected: Connected): void {
    if (this.shared !== undefined && this.shared.bornAtMs > connected.bornAtMs) return;
    this.retireShared();
    connected.isRetired = false;
    this.shared = connected;
  }

  private retireShared(): void {
    const { shared } = this;
    if (shared === undefined) return;
    shared.isRetired = true;
    this.shared = undefined;
    void this.closeUnused(shared);
  }

  private async closeUnused(connected: Connected): Promise<void> {
    if (connected.isRetired && connected.sendCount === 0) await this.close(connected);
  }

  private async close(connected: Connected): Promise<void> {
    this.opened.delete(connected);
    await connected.producer.disconnect().catch(() => undefined);
  }
}
