/**
 * Creates and checks the topics of a deployment. What exists is never changed: more partitions would move keys, and
 * settings belong to who runs the cluster; both are reported instead.
 */
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { deadLetterTopic, INBOUND, OUTBOUND, type Topics } from '../contract/topics.ts';
import { AppError } from '../errors.ts';

const REPLICAS_MAX = 3;
const READY_MS_MAX = 20_000;
const READY_POLL_MS = 100;
const INBOUND_PARTITIONS = 15;
const OUTBOUND_PARTITIONS = 3;
const COMPLETED_BYTES_MAX = 8 * 1024 * 1024;
/**
 * A dead letter: the largest record of an inbound topic with the letter's headers, and perhaps larger than it came,
 * because others compress better.
 */
const LETTER_BYTES_MAX = 4 * 1024 * 1024;
const LETTER_BYTES_EXTRA = 64 * 1024;
/** An essay id and a text id in a completion, with their JSON. */
const COMPLETION_BYTES_PER_SLOT = 160;
const COMPLETION_BYTES_FIXED = 4_096;

export class KafkaTopicAdmin {
  private readonly kafka: Kafka;

  constructor(options: { kafka: Kafka }) {
    this.kafka = options.kafka;
  }

  /** Creates what is missing and answers for each topic what was found or done. */
  async ensureTopics(options: EnsureTopicsOptions): Promise<TopicReport[]> {
    return this.withAdmin(async (admin) => {
      const { brokers } = await admin.describeCluster();
      const replicationFactor = options.replicationFactor ?? Math.min(REPLICAS_MAX, brokers.length);
      const before = await partitionCounts(admin);
      const wanted = topicsWanted(options);
      const created = new Set<string>();
      for (const { topic, partitions, configEntries } of wanted.filter(({ topic }) => !before.has(topic))) {
        const isCreated = await admin.createTopics({
          topics: [{ topic, numPartitions: partitions, replicationFactor, configEntries }],
          // kafkajs would ask one broker, which may not have heard of the topic yet, and fail.
          waitForLeaders: false,
        });
        // False: somebody else was quicker.
        if (isCreated) created.add(topic);
      }
      const after = await waitUntilReady(
        admin,
        wanted.map(({ topic }) => topic),
      );
      return wanted.map(({ topic, partitions }): TopicReport => {
        const found = after.get(topic) ?? 0;
        if (created.has(topic)) return { topic, outcome: 'created', partitions: found };
        return { topic, outcome: found < partitions ? 'too_few_partitions' : 'exists', partitions: found };
      });
    });
  }

  /** What would keep a worker from running well; empty when nothing. One sentence each. */
  async checkTopics(options: CheckTopicsOptions): Promise<string[]> {
    return this.withAdmin(async (admin) => {
      const existing = await partitionCounts(admin);
      const problems: string[] = [];
      const inbound = INBOUND.map((name) => options.topics[name]);
      const outbound = OUTBOUND.map((name) => options.topics[name]);
      const all = [...inbound, ...outbound, ...inbound.map(deadLetterTopic)];
      for (const topic of all) {
        if (!existing.has(topic)) problems.push(`topic ${topic} does not exist: els topics ensure creates it`);
      }
      for (const topic of inbound) {
        const count = existing.get(topic);
        if (count === undefined || count >= options.inboundPartitionsMin) continue;
        problems.push(`topic ${topic} has ${count} partitions, ${options.inboundPartitionsMin} are needed`);
      }
      const described = all.filter((topic) => existing.has(topic));
      if (described.length > 0) problems.push(...checkSettings(options, await settingsOf(admin, described), inbound));
      return problems;
    });
  }

  private async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      return await work(admin);
    } catch (error) {
      throw error instanceof AppError
        ? error
        : new AppError('UNAVAILABLE', 'topics cannot be read or created', { cause: error });
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }
}

export interface EnsureTopicsOptions {
  readonly topics: Topics;
  readonly inboundPartitions?: number;
  readonly outboundPartitions?: number;
  /** Three, or as many as there are brokers. */
  readonly replicationFactor?: number;
}

export interface TopicReport {
  readonly topic: string;
  readonly outcome: 'created' | 'exists' | 'too_few_partitions';
  readonly partitions: number;
}

export interface CheckTopicsOptions {
  readonly topics: Topics;
  readonly inboundPartitionsMin: number;
  /** Largest batch that may be registered: its completion must fit. */
  readonly slotsMax: number;
}

interface TopicWanted {
  readonly topic: string;
  readonly partitions: number;
  readonly configEntries: { name: string; value: string }[];
}

function topicsWanted({ topics, inboundPartitions, outboundPartitions }: EnsureTopicsOptions): TopicWanted[] {
  const inbound = INBOUND.map((name) => topics[name]);
  const wanted = (topic: string, partitions: number, bytesMax?: number): TopicWanted => ({
    topic,
    partitions,
    configEntries: bytesMax === undefined ? [] : [{ name: 'max.message.bytes', value: String(bytesMax) }],
  });
  return [
    ...inbound.map((topic) => wanted(topic, inboundPartitions ?? INBOUND_PARTITIONS)),
    ...OUTBOUND.map((name) =>
      wanted(
        topics[name],
        outboundPartitions ?? OUTBOUND_PARTITIONS,
        name === 'completed' ? COMPLETED_BYTES_MAX : undefined,
      ),
    ),
    ...inbound.map((topic) => wanted(deadLetterTopic(topic), 1, LETTER_BYTES_MAX)),
  ];
}

async function partitionCounts(admin: Admin): Promise<Map<string, number>> {
  const { topics } = await admin.fetchTopicMetadata();
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
}

/** Partition counts once every broker-side leader is elected. */
async function waitUntilReady(admin: Admin, topics: readonly string[]): Promise<Map<string, number>> {
  const endMs = performance.now() + READY_MS_MAX;
  for (;;) {
    const found = (await admin.fetchTopicMetadata()).topics.filter(({ partitions }) =>
      partitions.every(({ leader }) => leader >= 0),
    );
    const counts = new Map(found.map(({ name, partitions }) => [name, partitions.length]));
    if (topics.every((topic) => counts.has(topic))) return counts;
    if (performance.now() > endMs) {
      throw new AppError('UNAVAILABLE', `topics without leaders: ${topics.filter((topic) => !counts.has(topic))}`);
    }
    await delay(READY_POLL_MS);
  }
}

/** By topic, then by name of the setting. */
async function settingsOf(admin: Admin, topics: readonly string[]): Promise<Map<string, Map<string, string>>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name,
      configNames: ['max.message.bytes'],
    })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  );
}

function checkSettings(
  { topics, slotsMax }: CheckTopicsOptions,
  settings: Map<string, Map<string, string>>,
  inbound: readonly string[],
): string[] {
  const problems: string[] = [];
  const neededBytes = COMPLETION_BYTES_FIXED + slotsMax * COMPLETION_BYTES_PER_SLOT;
  const allowedBytes = Number(settings.get(topics.completed)?.get('max.message.bytes') ?? Number.POSITIVE_INFINITY);
  if (allowedBytes < neededBytes) {
    problems.push(
      `topic ${topics.completed} takes messages of ${allowedBytes} bytes (max.message.bytes), ` +
        `the completion of a batch of ${slotsMax} needs ${neededBytes}`,
    );
  }
  const bytesOf = (topic: string) => Number(settings.get(topic)?.get('max.message.bytes') ?? Number.NaN);
  for (const topic of inbound) {
    const letters = deadLetterTopic(topic);
    const letterBytes = bytesOf(topic) + LETTER_BYTES_EXTRA;
    if (bytesOf(letters) < letterBytes) {
      problems.push(
        `topic ${letters} takes messages of ${bytesOf(letters)} bytes (max.message.bytes), ` +
          `a record of ${topic} that must be set aside can need ${letterBytes}`,
      );
    }
  }
  return problems;
}
