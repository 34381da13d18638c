import { type Cluster, type Kafka, PartitionAssigners } from 'kafkajs';
import { pino } from 'pino';
import { topicsFor } from '../../src/contract/topics.ts';
import type { InboundRecord, PartitionOffset, RecordListener } from '../../src/domain/ports.ts';
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

  constructor() {
    this.kafka = createKafka({ brokers: kafkaBrokers(), clientId: 'test', log });
    this.publisher = new KafkaMessagePublisher({
      kafka: this.kafka,
      metrics: this.metrics,
      clock: { nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5) },
      instance: 'test-1',
    });
  }

  async open(options: { inboundPartitions: number }): Promise<void> {
    await new KafkaTopicAdmin({ kafka: this.kafka }).ensureTopics({ topics: this.topics, ...options });
    await this.publisher.connect();
  }

  source(options: Partial<RecordSourceOptions> = {}): KafkaRecordSource {
    const source = new KafkaRecordSource({
      kafka: createKafka({
        brokers: kafkaBrokers(),
        clientId: 'test-source',
        log,
        reconnectMsMax: CONSUMER_RECONNECT_MS_MAX,
      }),
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
    const producer = this.kafka.producer({ allowAutoTopicCreation: false });
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
    let cluster: Cluster | undefined;
    const consumer = this.kafka.consumer({
      groupId: `${this.groupId}-evicting`,
      partitionAssigners: [
        (config) => {
          cluster = config.cluster;
          return PartitionAssigners.roundRobin(config);
        },
      ],
    });
    await consumer.connect();
    const found: unknown = await cluster?.findGroupCoordinator({ groupId: this.groupId });
    const coordinator = found as { leaveGroup(member: { groupId: string; memberId: string }): Promise<void> };
    for (const { memberId } of groups[0]?.members ?? [])
      await coordinator.leaveGroup({ groupId: this.groupId, memberId });
    await consumer.disconnect();
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
