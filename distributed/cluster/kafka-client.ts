/** Kafka as the harness uses it: clients, and waits for what a consumer group is in. */
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, {
  type Admin,
  type GroupDescription,
  type IResourceConfigEntry,
  type ITopicConfig,
  Kafka,
  logLevel,
} from 'kafkajs';
import { until } from '../stack/process/until.ts';
import { installHarnessCodecs } from './harness-codecs.ts';

/** One of three brokers may hang: then another is asked. */
const ANSWER_MS_MAX = 5_000;
const COORDINATOR_MS_MAX = 30_000;
const LEADERS_MS_MAX = 20_000;
const POLL_INTERVAL_MS = 200;
const GROUP_EMPTY_MS_MAX = 30_000;
const GROUP_EMPTY_POLL_INTERVAL_MS = 500;
const GROUP_STABLE_MS_MAX = 60_000;
const GROUP_POLL_INTERVAL_MS = 100;

/** A silent client of the judge's own: what goes wrong arrives as an error, not as a log line between the progress. */
export function kafkaClient(brokers: readonly string[], clientId: string): Kafka {
  installHarnessCodecs();
  return new Kafka({ brokers: [...brokers], clientId, requestTimeout: ANSWER_MS_MAX, logLevel: logLevel.NOTHING });
}

/** An administrator's connection for as long as the work takes. */
export async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Creates a topic and waits for its leaders; kafkajs's own wait fails on a broker that has not heard of it yet. */
export async function createTopic(admin: Admin, topic: ITopicConfig): Promise<void> {
  await admin.createTopics({ topics: [topic], waitForLeaders: false });
  const isLed = async () => {
    const { topics } = await admin.fetchTopicMetadata();
    const created = topics.find(({ name }) => name === topic.topic);
    return created?.partitions.every(({ leader }) => leader >= 0) === true;
  };
  const wait = { limitMs: LEADERS_MS_MAX, intervalMs: POLL_INTERVAL_MS };
  await until(isLed, new Error(`no leaders for ${topic.topic}`), wait);
}

/** By topic: the settings that are its own, which a change of others must name again or they would be forgotten. */
export async function ownSettings(
  admin: Admin,
  topics: readonly string[],
): Promise<ReadonlyMap<string, readonly IResourceConfigEntry[]>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => {
      const own = configEntries.filter(({ configSource }) => configSource === kafkajs.ConfigSource.TOPIC_CONFIG);
      return [resourceName, own.map(({ configName, configValue }) => ({ name: configName, value: configValue }))];
    }),
  );
}

/** What a topic has, with what is given in its place. */
export function withSettings(
  own: readonly IResourceConfigEntry[],
  given: readonly IResourceConfigEntry[],
): IResourceConfigEntry[] {
  return [...own.filter(({ name }) => given.every((setting) => setting.name !== name)), ...given];
}

/**
 * By `topic/partition`: the next offset the consumer group would read. What it never committed is not there. Asked for all
 * that the group has: for topics by name kafkajs looks up partitions at the same time, and one of several brokers that
 * answers late makes it forget the last topic, which then seems never to have been committed.
 */
export async function readCommitted(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<Map<string, number>> {
  const committed = new Map<string, number>();
  const wanted = new Set(topics);
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId })) {
    if (!wanted.has(topic)) continue;
    for (const { partition, offset } of partitions) {
      if (Number(offset) >= 0) committed.set(`${topic}/${partition}`, Number(offset));
    }
  }
  return committed;
}

/**
 * Waits until the consumer group's coordinator answers. A Kafka that never had a consumer group makes its offsets topic
 * at the first question, which takes seconds; a run is about the service, not about that.
 */
export async function waitForCoordinator(kafka: Kafka, groupId: string): Promise<void> {
  await repeatUntilDone(kafka, COORDINATOR_MS_MAX, POLL_INTERVAL_MS, (admin) => admin.fetchOffsets({ groupId }));
}

/**
 * Rewinds the consumer group, as an operator would: its next members begin at the beginning. Forgetting its offsets would
 * not do, because the database knows its position as well. It must have no members; one that has just ended may take a
 * moment to leave.
 */
export async function rewindGroup(kafka: Kafka, groupId: string, topics: readonly string[]): Promise<void> {
  for (const topic of topics) {
    const rewind = (admin: Admin) => admin.resetOffsets({ groupId, topic, earliest: true });
    await repeatUntilDone(kafka, GROUP_EMPTY_MS_MAX, GROUP_EMPTY_POLL_INTERVAL_MS, rewind);
  }
}

/** Tries again what fails, with the last error in the end. */
async function repeatUntilDone(
  kafka: Kafka,
  limitMs: number,
  intervalMs: number,
  attempt: (admin: Admin) => Promise<unknown>,
): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    const giveUpAtMs = Date.now() + limitMs;
    for (;;) {
      try {
        await attempt(admin);
        return;
      } catch (error) {
        if (Date.now() > giveUpAtMs) throw error;
      }
      await sleep(intervalMs);
    }
  });
}

export interface GroupWait {
  readonly groupId: string;
  readonly isEnough: (members: number) => boolean;
  /** What has not happened when time is over. */
  readonly failure: string;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

/** Waits until enough members share the consumer group and none of them is coming or going. */
export function waitForStableGroup(kafka: Kafka, wait: GroupWait): Promise<void> {
  return waitForGroup(kafka, wait, ({ state, members }) => state === 'Stable' && wait.isEnough(members.length));
}

/** Waits until enough members are there, also while others come. */
export function waitForJoining(kafka: Kafka, wait: GroupWait): Promise<void> {
  return waitForGroup(kafka, wait, ({ members }) => wait.isEnough(members.length));
}

async function waitForGroup(
  kafka: Kafka,
  wait: GroupWait,
  isReady: (group: GroupDescription) => boolean,
): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    const giveUpAtMs = Date.now() + GROUP_STABLE_MS_MAX;
    for (;;) {
      wait.signal.throwIfAborted();
      const { groups } = await admin.describeGroups([wait.groupId]);
      const [group] = groups;
      if (group !== undefined && isReady(group)) return;
      if (Date.now() > giveUpAtMs) throw new Error(`${wait.failure} within ${GROUP_STABLE_MS_MAX} ms`);
      await sleep(wait.intervalMs);
    }
  });
}

/** Waits until exactly so many members share the consumer group. */
export async function waitForMembers(
  kafka: Kafka,
  groupId: string,
  members: number,
  signal: AbortSignal,
): Promise<void> {
  await waitForStableGroup(kafka, {
    groupId,
    isEnough: (count) => count === members,
    failure: `the group of ${members} workers was not stable`,
    intervalMs: GROUP_POLL_INTERVAL_MS,
    signal,
  });
}
