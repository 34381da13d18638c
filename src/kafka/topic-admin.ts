/**
 * Creates and checks the topics of a deployment. What exists is never changed: more partitions would move keys, and
 * settings belong to who runs the cluster; both are reported instead. Only our own topics are asked for, so that no
 * topic of others is in the way, and a right that is only needed to look is not needed to start.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { deadLetterTopic, INBOUND, OUTBOUND, type Topics } from '../contract/topics.ts';
import { AppError } from '../errors.ts';
import { settledWithin } from '../timing/deadline.ts';
import { adminError, isRefused, isTopicPresent } from './kafka-error.ts';
import { type ClusterDescription, TopicCluster, type TopicDescription } from './topic-cluster.ts';
import {
  IN_SYNC_MIN,
  judgeTopics,
  REPLICAS_MAX,
  replicasOf,
  rolesOf,
  SETTINGS,
  type TopicSettings,
} from './topic-judgement.ts';

const READY_MS_MAX = 20_000;
const READY_POLL_MS = 100;
const CLOSE_MS_MAX = 1_000;
const INBOUND_PARTITIONS = 15;
const OUTBOUND_PARTITIONS = 3;
const COMPLETED_BYTES_MAX = 8 * 1024 * 1024;
/**
 * A dead letter: the largest record of an inbound topic with the letter's headers, and perhaps larger than it came,
 * because others compress better.
 */
const LETTER_BYTES_MAX = 4 * 1024 * 1024;

/** Kafka's codes. */
const UNKNOWN_TOPIC = 3;
const MAY_NOT_DESCRIBE = 29;

export class KafkaTopicAdmin {
  private readonly kafka: Kafka;

  constructor(options: { kafka: Kafka }) {
    this.kafka = options.kafka;
  }

  /** Creates what is missing and answers for each topic what was found or done. */
  async ensureTopics(options: EnsureTopicsOptions): Promise<TopicReport[]> {
    return this.withCluster(async (cluster) => {
      const names = [...rolesOf(options.topics).keys()];
      const before = await cluster.describe(names);
      const replicationFactor = replicasWanted(options, before);
      const wanted = topicsWanted(options, replicationFactor);
      const created = new Set<string>();
      for (const { topic, partitions, configEntries } of wanted.filter(({ topic }) => isMissing(before, topic))) {
        try {
          await cluster.create({ topic, numPartitions: partitions, replicationFactor, configEntries });
          created.add(topic);
        } catch (error) {
          // Somebody else was quicker.
          if (!isTopicPresent(error)) throw error;
        }
      }
      const after = await waitUntilReady(cluster, names);
      const settings = await settingsOf(cluster, names);
      return wanted.map((one) => {
        const found = after.topics.find(({ topic }) => topic === one.topic);
        return reportOf(one, found, settings, created.has(one.topic));
      });
    });
  }

  /**
   * What would keep a worker from running; empty when nothing. One sentence each, with what to do. `warn` is told what
   * is only unwise.
   */
  async checkTopics({ warn, ...options }: CheckTopicsOptions): Promise<string[]> {
    return this.withCluster(async (connection) => {
      const names = [...rolesOf(options.topics).keys()];
      const cluster = await connection.describe(names);
      const found = names.filter((topic) => !isMissing(cluster, topic));
      const settings = await settingsOf(connection, found);
      const { problems, warnings } = judgeTopics({ ...options, cluster, settings });
      for (const warning of warnings) warn?.(warning);
      return problems;
    });
  }

  private async withCluster<T>(work: (cluster: TopicCluster) => Promise<T>): Promise<T> {
    const cluster = new TopicCluster(this.kafka);
    try {
      await cluster.connect();
      return await work(cluster);
    } catch (error) {
      throw adminError(error, 'topics cannot be read or created');
    } finally {
      await settledWithin(cluster.disconnect(), CLOSE_MS_MAX);
    }
  }
}

export interface EnsureTopicsOptions {
  readonly topics: Topics;
  readonly inboundPartitions?: number | undefined;
  readonly outboundPartitions?: number | undefined;
  /** Three, or as many as there are brokers. */
  readonly replicationFactor?: number | undefined;
}

export interface TopicReport {
  readonly topic: string;
  readonly outcome: 'created' | 'exists' | 'too_few_partitions';
  readonly partitions: number;
  readonly replicas: number;
  /** Null where it may not be seen. */
  readonly inSyncReplicasMin: number | null;
  /** -1: without end. */
  readonly retentionMs: number | null;
}

export interface CheckTopicsOptions {
  readonly topics: Topics;
  readonly inboundPartitionsMin: number;
  /** Largest batch that may be registered: its completion must fit. */
  readonly slotsMax: number;
  readonly warn?: (text: string) => void;
}

interface TopicWanted {
  readonly topic: string;
  readonly partitions: number;
  readonly configEntries: { name: string; value: string }[];
}

function replicasWanted({ replicationFactor }: EnsureTopicsOptions, { brokerCount }: ClusterDescription): number {
  if (replicationFactor !== undefined && replicationFactor > brokerCount) {
    throw new AppError('INVALID_INPUT', `${replicationFactor} replicas need as many brokers, there are ${brokerCount}`);
  }
  return replicationFactor ?? Math.min(REPLICAS_MAX, brokerCount);
}

function topicsWanted(options: EnsureTopicsOptions, replicationFactor: number): TopicWanted[] {
  const { topics, inboundPartitions = INBOUND_PARTITIONS, outboundPartitions = OUTBOUND_PARTITIONS } = options;
  const inbound = INBOUND.map((name) => topics[name]);
  // Said, whatever the broker's default: two of one replica would refuse every write.
  const inSync = { 'min.insync.replicas': replicationFactor >= REPLICAS_MAX ? IN_SYNC_MIN : 1 };
  const wanted = (topic: string, partitions: number, settings: Record<string, number> = {}): TopicWanted => ({
    topic,
    partitions,
    configEntries: Object.entries({ ...inSync, ...settings }).map(([name, value]) => ({ name, value: String(value) })),
  });
  const letters = { 'max.message.bytes': LETTER_BYTES_MAX, 'retention.ms': -1 };
  return [
    ...inbound.map((topic) => wanted(topic, inboundPartitions)),
    ...OUTBOUND.map((name) =>
      wanted(
        topics[name],
        outboundPartitions,
        name === 'completed' ? { 'max.message.bytes': COMPLETED_BYTES_MAX } : {},
      ),
    ),
    ...inbound.map((topic) => wanted(deadLetterTopic(topic), 1, letters)),
  ];
}

/** Also of a topic that may not be described: whoever may create it learns that it is there, others what they may not. */
function isMissing({ topics }: ClusterDescription, topic: string): boolean {
  const found = topics.find((one) => one.topic === topic);
  return found === undefined || [UNKNOWN_TOPIC, MAY_NOT_DESCRIBE].includes(found.errorCode);
}

/** Once the broker that is asked knows every topic with its leaders. */
async function waitUntilReady(cluster: TopicCluster, names: readonly string[]): Promise<ClusterDescription> {
  const endMs = performance.now() + READY_MS_MAX;
  for (;;) {
    const description = await cluster.describe(names);
    const waiting = description.topics.filter(({ partitions }) => !isLed(partitions)).map(({ topic }) => topic);
    if (waiting.length === 0) return description;
    const hidden = description.topics.filter(({ errorCode }) => errorCode === MAY_NOT_DESCRIBE);
    if (hidden.length > 0) {
      const names = hidden.map(({ topic }) => topic).join(', ');
      throw new AppError('START_CHECK_FAILED', `this user may not describe ${names}: grant Describe`);
    }
    if (performance.now() > endMs) throw new AppError('UNAVAILABLE', `topics without leaders: ${waiting.join(', ')}`);
    await delay(READY_POLL_MS);
  }
}

function isLed(partitions: TopicDescription['partitions']): boolean {
  return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0);
}

/** Asked for one by one: what may not be seen of one topic hides nothing of the others. */
async function settingsOf(cluster: TopicCluster, topics: readonly string[]): Promise<TopicSettings> {
  const settings = new Map<string, Map<string, string> | null>();
  for (const topic of topics) {
    try {
      settings.set(topic, await cluster.settings(topic, SETTINGS));
    } catch (error) {
      if (!isRefused(error)) throw error;
      settings.set(topic, null);
    }
  }
  return settings;
}

function reportOf(
  { topic, partitions: wanted }: TopicWanted,
  found: TopicDescription | undefined,
  settings: TopicSettings,
  isCreated: boolean,
): TopicReport {
  const partitions = found?.partitions.length ?? 0;
  const setting = (name: (typeof SETTINGS)[number]) => {
    const value = settings.get(topic)?.get(name);
    return value === undefined ? null : Number(value);
  };
  const existing = partitions < wanted ? 'too_few_partitions' : 'exists';
  return {
    topic,
    outcome: isCreated ? 'created' : existing,
    partitions,
    replicas: found === undefined ? 0 : replicasOf(found),
    inSyncReplicasMin: setting('min.insync.replicas'),
    retentionMs: setting('retention.ms'),
  };
}
