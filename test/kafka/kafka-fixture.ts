import { type Cluster, type Kafka, PartitionAssigners } from 'kafkajs';
import { pino } from 'pino';
import { topicsFor } from '../../src/contract/topics.ts';
import type { InboundRecord, OutboundMessage, PartitionOffset, RecordListener } from '../../src/domain/ports.ts';
import { CONSUMER_RECONNECT_MS_MAX, createKafka } from '../../src/kafka/client.ts';
import { KafkaMessagePublisher } from '../../src/kafka/message-publisher.ts';
import { KafkaRecordSource } from '../../src/kafka/record-source.ts';
import type { RecordSourceOptions } from '../../src/kafka/record-source-options.ts';
import { KafkaTopicAdmin } from '../../src/kafka/topic-admin.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { kafkaBrokers, uniqueTopicPrefix } from '../support/servers/servers.ts';
import { MemoryProgressStore } from '../support/worker/memory-progress-store.ts';

/** Quiet unless a test is being looked into. */
export const log = pino({ level: process.env['ELS_TEST_LOG_LEVEL'] ?? 'silent' }, pino.destination(2));

/**
 * What a test of the Kafka adapters needs: the topics of a deployment of its own, raw access to write and look at
 * them, sources and a publisher. `close` ends all of it.
 */
export class KafkaFixture {
  readonly prefix = uniqueTopicPrefix();
  readonly topics = topicsFor(this.prefix);
  readonly groupId = `${this.prefix}group`;
  readonly metrics = new Metrics();
  readonly progress = new MemoryProgressStore();
  readonly kafka: Kafka;
  readonly publisher: KafkaMessagePublisher;
  private readonly sources: KafkaRecordSource[] = [];

  constructor(private readonly brokers: readonly string[] = kafkaBrokers()) {
    this.kafka = createKafka({ brokers, clientId: 'test', log });
    this.publisher = new KafkaMessagePublisher({
      kafka: this.kafka,
      publishMsMax: 8_000,
      metrics: this.metrics,
      clock: { nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5) },
      instance: 'test-1',
    });
  }

  async open(options: { inboundPartitions: number }): Promise<void> {
    await new KafkaTopicAdmin({ kafka: this.kafka }).ensureTopics({ topics: this.topics, ...options });
    await this.publisher.connect();
  }

  /** A client for one source. */
  newKafka(): Kafka {
    const { brokers } = this;
    return createKafka({ brokers, clientId: 'test-source', log, reconnectMsMax: CONSUMER_RECONNECT_MS_MAX });
  }

  source(options: Partial<RecordSourceOptions> = {}): KafkaRecordSource {
    const source = new KafkaRecordSource({
      kafka: this.newKafka(),
      groupId: this.groupId,
      topics: [this.topics.content],
      log,
      metrics: this.metrics,
      deadLetters: this.publisher,
      progress: this.progress,
      ...options,
    });
    this.sources.push(source);
    return source;
  }

  /** One record per value, all to one partition, as another service would write them. */
  async write(options: { topic: string; partition: number; values: readonly string[] }): Promise<void> {
    const producer = this.kafka.producer({ allowAutoTopicCreation: false, toleratesPartitionErrors: true });
    await producer.connect();
    await producer.send({
      topic: options.topic,
      messages: options.values.map((value) => ({ value, partition: options.partition })),
    });
    await producer.disconnect();
  }

  async committed(topic: string, partition: number): Promise<number> {
    return this.withAdmin(async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId: this.groupId, topics: [topic] });
      return Number(found?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
    });
  }

  /** As retention would. */
  async deleteRecordsBefore({ topic, partition, offset }: { topic: string; partition: number; offset: number }) {
    await this.withAdmin(async (admin) => {
      // Loads the metadata that the deletion takes for granted.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    });
  }

  /** Takes the membership from all members, without a word to them. */
  async evictMembers(): Promise<void> {
    const { groups } = await this.withAdmin((admin) => admin.describeGroups([this.groupId]));
    await this.withCoordinator(async (coordinator) => {
      for (const { memberId } of groups[0]?.members ?? [])
        await coordinator.leaveGroup({ groupId: this.groupId, memberId });
    });
  }

  /** The broker that coordinates the group, as the client knows it. */
  async withCoordinator<T>(work: (coordinator: Coordinator) => Promise<T> | T): Promise<T> {
    let cluster: Cluster | undefined;
    const consumer = this.kafka.consumer({
      groupId: `${this.groupId}-looking`,
      partitionAssigners: [
        (config) => {
          cluster = config.cluster;
          return PartitionAssigners.roundRobin(config);
        },
      ],
    });
    await consumer.connect();
    try {
      const found: unknown = await cluster?.findGroupCoordinator({ groupId: this.groupId });
      return await work(found as Coordinator);
    } finally {
      await consumer.disconnect();
    }
  }

  /** All at once, each to its destination, as the relay does. */
  async publish(messages: readonly OutboundMessage[]): Promise<(Error | null)[]> {
    const results: (Error | null)[] = messages.map(() => null);
    const byDestination = new Map<string, number[]>();
    for (const [index, message] of messages.entries()) {
      const destination = this.publisher.destinationOf(message);
      byDestination.set(destination, [...(byDestination.get(destination) ?? []), index]);
    }
    const publishTo = async ([destination, indexes]: [string, number[]]) => {
      const some = indexes.map((index) => messages[index] as OutboundMessage);
      const errors = await this.publisher.publish(destination, some);
      for (const [position, index] of indexes.entries()) results[index] = errors[position] ?? null;
    };
    await Promise.all([...byDestination].map(publishTo));
    return results;
  }

  async withAdmin<T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.sources.map((source) => source.stop()));
    await this.publisher.disconnect();
  }
}

interface Coordinator {
  readonly nodeId: number;
  leaveGroup(member: { groupId: string; memberId: string }): Promise<void>;
}

/** Remembers everything a source tells, in order. */
export class RecordingListener implements RecordListener {
  readonly assignments: { epoch: number; partitions: readonly PartitionOffset[] }[] = [];
  readonly revocations: number[] = [];
  readonly received: { epoch: number; record: InboundRecord }[] = [];
  readonly crashes: Error[] = [];
  onYielding: (epoch: number) => Promise<void> = () => Promise.resolve();
  onRecords: (epoch: number, batch: readonly InboundRecord[]) => void = () => undefined;

  assigned(epoch: number, partitions: readonly PartitionOffset[]): void {
    this.assignments.push({ epoch, partitions });
  }

  async yielding(epoch: number): Promise<void> {
    await this.onYielding(epoch);
  }

  revoked(epoch: number): void {
    this.revocations.push(epoch);
  }

  records(epoch: number, batch: readonly InboundRecord[]): void {
    for (const record of batch) this.received.push({ epoch, record });
    this.onRecords(epoch, batch);
  }

  crashed(error: Error): void {
    this.crashes.push(error);
  }

  get values(): string[] {
    return this.received.map(({ record }) => Buffer.from(record.value ?? new Uint8Array()).toString());
  }

  get epoch(): number {
    return this.assignments.at(-1)?.epoch ?? 0;
  }
}

export function numbered(count: number, name = 'r'): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index}`);
}
