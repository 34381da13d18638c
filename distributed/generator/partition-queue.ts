/**
 * Sends the records of one partition in order: one request under way at a time, the next one takes whatever has
 * gathered meanwhile, up to a number and a size that every broker accepts by default.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message, Producer, ProducerRecord } from 'kafkajs';
import type { SendableInput } from './sendable.ts';

const RECORDS_PER_SEND_MAX = 500;
const BYTES_PER_SEND_MAX = 600_000;
/** Waits for records that belong in the same request, so that a load without rate is not sent one by one. */
const LINGER_MS = 2;
const RETRY_INTERVAL_MS = 500;
/** What a broker that is away makes the client library say; a refusal is not among it. */
const AWAY = ['KafkaJSNumberOfRetriesExceeded', 'KafkaJSConnection', 'KafkaJSBrokerNotFound', 'KafkaJSRequestTimeout'];

export interface PartitionQueueOptions {
  readonly producer: Producer;
  readonly topic: string;
  readonly partition: number;
  /** How long one request is tried again while no broker takes it. Its records may then be there twice. */
  readonly patienceMs: number;
  readonly listener: {
    /** The records of one acknowledged request. */
    acknowledged(sent: readonly SentInput[]): void;
    /** The records' fate is unknown and the queue has stopped. */
    failed(error: Error): void;
  };
}

export interface SentInput {
  readonly input: SendableInput;
  /** Wall-clock time at which it was due. */
  readonly dueAtMs: number;
}

export class PartitionQueue {
  private readonly options: PartitionQueueOptions;
  private queue: { message: Message; sent: SentInput; bytes: number }[] = [];
  private sending = false;

  constructor(options: PartitionQueueOptions) {
    this.options = options;
  }

  push(message: Message, sent: SentInput): void {
    const bytes = message.value === null ? 0 : Buffer.byteLength(message.value);
    this.queue.push({ message, sent, bytes });
    if (!this.sending) {
      this.sending = true;
      setTimeout(() => void this.drain(), LINGER_MS);
    }
  }

  private async drain(): Promise<void> {
    const { topic, partition, listener } = this.options;
    try {
      while (this.queue.length > 0) {
        const group = this.takeGroup();
        const messages = group.map((entry) => ({ ...entry.message, partition }));
        await this.send({ topic, acks: -1, messages });
        listener.acknowledged(group.map((entry) => entry.sent));
      }
      this.sending = false;
    } catch (error) {
      listener.failed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private async send(record: ProducerRecord): Promise<void> {
    const { producer, patienceMs } = this.options;
    const giveUpAtMs = performance.now() + patienceMs;
    for (;;) {
      try {
        await producer.send(record);
        return;
      } catch (error) {
        if (performance.now() > giveUpAtMs || !mayPass(error)) throw error;
        await sleep(RETRY_INTERVAL_MS);
      }
    }
  }

  private takeGroup() {
    let count = 0;
    let bytes = 0;
    for (const entry of this.queue) {
      bytes += entry.bytes;
      if (count > 0 && (count >= RECORDS_PER_SEND_MAX || bytes > BYTES_PER_SEND_MAX)) {
        break;
      }
      count++;
    }
    return this.queue.splice(0, count);
  }
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (AWAY.some((name) => error.name.startsWith(name)) || ('retriable' in error && error.retriable === true))
    return true;
  // What one retry of the library gave up, the next one around it calls final, whatever it was.
  return 'cause' in error && mayPass(error.cause);
}
