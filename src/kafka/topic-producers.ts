/**
 * The producers of one topic. Guarantees: a partition in trouble holds up no other, and no call takes longer than it
 * was given. A broker serves the requests of one connection one after the other, so a request that waits for the
 * replicas of a sick partition would hold up everything behind it; and a producer whose leaders are out of date would
 * wait for them again and again. So the partitions share one producer only while they are well. After a failure a
 * partition goes by a fresh one, with connections and metadata of its own, until a request of it succeeds; that
 * producer then takes the place of the one that all share, for it knows more. What is sent at one moment to partitions
 * that are well and have one leader goes in one request, of which the answer names each partition.
 */
import { CompressionTypes, type Kafka, type Message, Partitioners, type Producer, type RecordMetadata } from 'kafkajs';
import { AppError } from '../errors.ts';
import { settledWithin } from '../timing/deadline.ts';

/** Of the time a call is given, the share in which replicas must acknowledge; the broker gives up after it. */
const ACKNOWLEDGE_SHARE = 1 / 2;

/** Far below what a broker takes in one request. */
const TOGETHER_BYTES_MAX = 2_000_000;

export interface ProduceRequest {
  readonly partition: number;
  /** The node that leads it, as far as it is known: requests to others never go together. */
  readonly leader: number;
  readonly messages: readonly Message[];
  readonly bytes: number;
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

interface Waiting {
  readonly request: ProduceRequest;
  readonly answered: (error: Error | null) => void;
}

/** Of a partition; the error is what our patch of kafkajs makes of its code. */
type ProduceAnswer = RecordMetadata & { readonly error?: Error };

export class TopicProducers {
  private readonly kafka: Kafka;
  private readonly topic: string;
  private readonly sick = new Set<number>();
  private shared: Connected | undefined;
  /** Sent at the end of this turn of the event loop. */
  private waiting: Waiting[] = [];
  private readonly opened = new Set<Connected>();

  constructor(kafka: Kafka, topic: string) {
    this.kafka = kafka;
    this.topic = topic;
  }

  /** Resolves when the partition's leader acknowledged all of them, rejects otherwise, in time. */
  send(request: ProduceRequest): Promise<void> {
    if (this.sick.has(request.partition)) return this.sendAlone(request);
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, answered: (error) => (error === null ? resolve() : reject(error)) });
      if (this.waiting.length === 1) setImmediate(() => this.sendWaiting());
    });
  }

  private async sendAlone(request: ProduceRequest): Promise<void> {
    const connected = this.open();
    connected.isRetired = true;
    const [error = null] = await this.sendBy(connected, [request]);
    if (error === null) {
      this.sick.delete(request.partition);
      this.promote(connected);
    }
    void this.closeUnused(connected);
    if (error !== null) throw error;
  }

  private sendWaiting(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const together of requestsOf(waiting)) void this.sendTogether(together);
  }

  private async sendTogether(together: readonly Waiting[]): Promise<void> {
    const connected = this.share();
    const errors = await this.sendBy(
      connected,
      together.map(({ request }) => request),
    );
    void this.closeUnused(connected);
    for (const [index, { answered }] of together.entries()) answered(errors[index] ?? null);
  }

  /** The request failed for reasons that are not in its messages. */
  failed(partition: number): void {
    this.sick.add(partition);
  }

  async disconnect(): Promise<void> {
    await Promise.all([...this.opened].map((connected) => this.close(connected)));
  }

  /** Parallel to the requests: null where acknowledged. Never rejects. */
  private async sendBy(connected: Connected, requests: readonly ProduceRequest[]): Promise<(Error | null)[]> {
    const { producer } = connected;
    const waitMsMax = Math.min(...requests.map((request) => request.waitMsMax));
    connected.sendCount += 1;
    try {
      const sent = this.produce(connected, requests, waitMsMax);
      if (await settledWithin(sent, waitMsMax)) return await sent;
      // Closed, it cannot send later what is taken for failed now.
      if (producer === this.shared?.producer) this.retireShared();
      return requests.map(({ partition }) => this.missing(partition, 'no answer in time'));
    } catch (error) {
      return requests.map(() => (error instanceof Error ? error : new Error(String(error))));
    } finally {
      connected.sendCount -= 1;
    }
  }

  private async produce(
    { producer, ready }: Connected,
    requests: readonly ProduceRequest[],
    waitMsMax: number,
  ): Promise<(Error | null)[]> {
    await ready;
    const answers: ProduceAnswer[] = await producer.send({
      topic: this.topic,
      acks: -1,
      timeout: Math.floor(waitMsMax * ACKNOWLEDGE_SHARE),
      compression: requests.some(({ isCompressed }) => isCompressed) ? CompressionTypes.GZIP : CompressionTypes.None,
      messages: requests.flatMap(({ messages }) => messages),
    });
    return requests.map(({ partition }) => {
      const answer = answers.find((each) => each.topicName === this.topic && each.partition === partition);
      if (answer === undefined) return this.missing(partition, 'no acknowledgement');
      return answer.errorCode === 0 ? null : (answer.error ?? this.missing(partition, `error ${answer.errorCode}`));
    });
  }

  private missing(partition: number, what: string): AppError {
    return new AppError('UNAVAILABLE', `${what} for partition ${partition} of ${this.topic}`);
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

/** Those that may go together: to one leader, no more than a request may hold, and compressed ones each alone. */
function requestsOf(waiting: readonly Waiting[]): Waiting[][] {
  const requests: Waiting[][] = [];
  const open = new Map<number, { together: Waiting[]; bytes: number }>();
  for (const each of waiting) {
    const { leader, bytes, isCompressed } = each.request;
    const joined = open.get(leader);
    // Whom nobody leads would keep the others from being sent.
    const isAlone = isCompressed || leader < 0;
    if (!isAlone && joined !== undefined && joined.bytes + bytes <= TOGETHER_BYTES_MAX) {
      joined.together.push(each);
      joined.bytes += bytes;
      continue;
    }
    const together = [each];
    requests.push(together);
    if (!isAlone) open.set(leader, { together, bytes });
  }
  return requests;
}
