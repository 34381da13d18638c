/**
 * Publishes events and dead letters at least once. `connect` before the first call. Messages with one key stay in
 * order; a message that failed holds back those behind it in its partition, and no others.
 */
import type { Kafka } from 'kafkajs';
import { deadLetterTopic } from '../contract/topics.ts';
import type { Clock, DeadLetter, MessagePublisher, OutboundMessage } from '../domain/ports.ts';
import { AppError } from '../errors.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { PartitionSender, type WireMessage } from './partition-sender.ts';

const DETAIL_CHARACTERS_MAX = 1_000;

export class KafkaMessagePublisher implements MessagePublisher {
  private readonly options: MessagePublisherOptions;
  private readonly sender: PartitionSender;

  constructor(options: MessagePublisherOptions) {
    this.options = options;
    this.sender = new PartitionSender({ kafka: options.kafka, callMsMax: options.publishMsMax });
  }

  async connect(): Promise<void> {
    await this.sender.connect();
  }

  async disconnect(): Promise<void> {
    await this.sender.disconnect();
  }

  destinationOf({ topic, key }: OutboundMessage): string {
    return this.sender.destinationOf(topic, key);
  }

  async publish(destination: string, messages: readonly OutboundMessage[]): Promise<(Error | null)[]> {
    const send = () => this.sender.sendTo(destination, messages);
    const { tracing } = this.options;
    return tracing?.isOn ? tracing.publication(messages, send) : send();
  }

  async publishDeadLetters(letters: readonly DeadLetter[]): Promise<void> {
    const results = await this.sender.send(letters.map((letter) => this.letterToWire(letter)));
    for (const [index, { reason }] of letters.entries()) {
      if (results[index] === null) this.options.metrics.deadLetters.inc({ reason });
    }
    const failure = results.find((result) => result !== null);
    // Retryable whatever the broker says: a record that can neither be processed nor set aside must not be dropped.
    if (failure) throw new AppError('UNAVAILABLE', 'dead letters were not written', { cause: failure });
  }

  private letterToWire({ record, reason, detail, attempts }: DeadLetter): WireMessage {
    const { topic, partition, offset, key, value, headers } = record;
    return {
      topic: deadLetterTopic(topic),
      key: toBuffer(key),
      value: toBuffer(value),
      headers: {
        ...originalHeaders(headers),
        'dlq-reason': Buffer.from(reason),
        'dlq-detail': Buffer.from(detail.slice(0, DETAIL_CHARACTERS_MAX)),
        'dlq-topic': Buffer.from(topic),
        'dlq-partition': Buffer.from(String(partition)),
        'dlq-offset': Buffer.from(String(offset)),
        'dlq-attempts': Buffer.from(String(attempts)),
        'dlq-first-seen': Buffer.from(new Date(this.options.clock.nowMs()).toISOString()),
        'dlq-instance': Buffer.from(this.options.instance),
      },
    };
  }
}

export interface MessagePublisherOptions {
  readonly kafka: Kafka;
  /** Longest publication: what is not acknowledged by then has failed, and is not sent any more. */
  readonly publishMsMax: number;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** None if not given. */
  readonly tracing?: Tracing;
  /** Who wrote a dead letter. */
  readonly instance: string;
}

/** A header without a value becomes an empty one: kafkajs cannot write the former. */
function originalHeaders(headers: DeadLetter['record']['headers']): Record<string, Buffer | Buffer[]> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    isList(value) ? value.map((one) => toBuffer(one) ?? Buffer.alloc(0)) : (toBuffer(value) ?? Buffer.alloc(0)),
  ]);
  return Object.fromEntries(entries);
}

function isList(value: Uint8Array | readonly Uint8Array[] | undefined): value is readonly Uint8Array[] {
  return Array.isArray(value);
}

function toBuffer(bytes: Uint8Array | null | undefined): Buffer | null {
  return bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : null;
}
