/**
 * What is wrong with the topics of a deployment, one sentence each, with what to do about it. A problem keeps a worker
 * from starting: something would certainly be lost, or the work cannot be done. A warning is said and no more: it is
 * unwise, or good for a stack that is not meant to last. What nobody may see is not judged.
 */
import { deadLetterTopic, INBOUND, OUTBOUND, type Topics } from '../contract/topics.ts';
import type { ClusterDescription, TopicDescription } from './topic-cluster.ts';

export const REPLICAS_MAX = 3;
/** With three replicas: one broker may be down, and no acknowledged record is on a single disk. */
export const IN_SYNC_MIN = 2;
export const SETTINGS = [
  'cleanup.policy',
  'max.message.bytes',
  'min.insync.replicas',
  'retention.bytes',
  'retention.ms',
] as const;

const HOUR_MS = 3_600_000;
/** A weekend in which nobody looks, and the day after. */
const INBOUND_RETENTION_MS_MIN = 72 * HOUR_MS;
const UNLIMITED = -1;
const LETTER_BYTES_EXTRA = 64 * 1024;
/** An essay id and a text id in a completion, with their JSON. */
const COMPLETION_BYTES_PER_SLOT = 160;
const COMPLETION_BYTES_FIXED = 4_096;
const TOPIC_ERRORS: Readonly<Record<number, string>> = {
  3: 'does not exist: els topics ensure creates it',
  17: 'has a name that Kafka does not take: check TOPIC_PREFIX',
  29: 'may not be described by this user: grant Describe on it',
};

export type TopicRole = 'inbound' | 'outbound' | 'dead_letter';

export interface Judgement {
  readonly problems: string[];
  readonly warnings: string[];
}

/** By topic, then by name of the setting; null where they may not be seen. */
export type TopicSettings = ReadonlyMap<string, ReadonlyMap<string, string> | null>;

export interface Judged {
  readonly topics: Topics;
  readonly cluster: ClusterDescription;
  readonly settings: TopicSettings;
  readonly inboundPartitionsMin: number;
  readonly slotsMax: number;
}

export function rolesOf(topics: Topics): Map<string, TopicRole> {
  const inbound = INBOUND.map((name) => topics[name]);
  return new Map<string, TopicRole>([
    ...inbound.map((topic) => [topic, 'inbound'] as const),
    ...OUTBOUND.map((name) => [topics[name], 'outbound'] as const),
    ...inbound.map((topic) => [deadLetterTopic(topic), 'dead_letter'] as const),
  ]);
}

export function judgeTopics(judged: Judged): Judgement {
  const total: Judgement = { problems: [], warnings: [] };
  const roles = rolesOf(judged.topics);
  for (const [topic, role] of roles) {
    const description = judged.cluster.topics.find((one) => one.topic === topic);
    const { problems, warnings } = judgeTopic(topic, role, description, judged);
    total.problems.push(...problems.map((text) => `topic ${topic} ${text}`));
    total.warnings.push(...warnings.map((text) => `topic ${topic} ${text}`));
  }
  total.problems.push(...judgeSizes(judged));
  const unseen = [...roles.keys()].filter((topic) => judged.settings.get(topic) === null);
  if (unseen.length > 0) {
    total.warnings.push(
      `settings of ${unseen.length} topics are not checked: this user may not see them (grant DescribeConfigs)`,
    );
  }
  return total;
}

function judgeTopic(
  topic: string,
  role: TopicRole,
  description: TopicDescription | undefined,
  { cluster, settings, inboundPartitionsMin }: Judged,
): Judgement {
  const problems: string[] = [];
  const warnings: string[] = [];
  if (description === undefined || description.errorCode in TOPIC_ERRORS) {
    problems.push(TOPIC_ERRORS[description?.errorCode ?? 3] ?? '');
    return { problems, warnings };
  }
  const { partitions, mayRead, mayWrite } = description;
  // Any other error passes, and says nothing about partitions.
  if (partitions.length === 0) return { problems, warnings };
  if (role === 'inbound' && !mayRead) problems.push('may not be read by this user: grant Read on it');
  if (role !== 'inbound' && !mayWrite) problems.push('may not be written by this user: grant Write on it');
  if (role === 'inbound' && partitions.length < inboundPartitionsMin) {
    problems.push(
      `has ${partitions.length} partitions, ${inboundPartitionsMin} are needed: add them (kafka-topics --alter) ` +
        'or lower INBOUND_PARTITIONS_MIN',
    );
  }
  const replicas = replicasOf(description);
  const wanted = Math.min(REPLICAS_MAX, cluster.brokerCount);
  if (replicas < wanted) {
    warnings.push(
      `has ${replicas} of ${wanted} possible replicas: a lost disk takes what is on it ` +
        '(kafka-reassign-partitions makes more)',
    );
  }
  const leaderless = partitions.filter(({ leader }) => leader < 0).length;
  if (leaderless > 0) warnings.push(`has ${leaderless} partitions without leader now`);
  const own = settings.get(topic);
  if (own != null) judgeSettings(role, own, replicas, { problems, warnings });
  return { problems, warnings };
}

export function replicasOf({ partitions }: TopicDescription): number {
  return Math.min(...partitions.map((partition) => partition.replicas.length));
}

function judgeSettings(
  role: TopicRole,
  settings: ReadonlyMap<string, string>,
  replicas: number,
  { problems, warnings }: Judgement,
): void {
  const inSyncMin = numberOf(settings, 'min.insync.replicas');
  if (inSyncMin > replicas) {
    problems.push(`has ${replicas} replicas and min.insync.replicas=${inSyncMin}: every write is refused, lower it`);
  } else if (replicas >= REPLICAS_MAX && inSyncMin < IN_SYNC_MIN) {
    warnings.push(`has min.insync.replicas=${inSyncMin}: set ${IN_SYNC_MIN}, or a record may be on one disk only`);
  } else if (replicas > 1 && inSyncMin === replicas) {
    warnings.push(`has min.insync.replicas=${inSyncMin} of ${replicas}: one broker down stops every write, lower it`);
  }
  const policies = (settings.get('cleanup.policy') ?? 'delete').split(',').map((policy) => policy.trim());
  if (policies.includes('compact')) {
    const text = 'has cleanup.policy=compact, which removes all but the newest record of a key: set delete';
    if (role === 'outbound') warnings.push(text);
    else problems.push(text);
  }
  if (!policies.includes('delete')) return;
  const retentionMs = numberOf(settings, 'retention.ms');
  const retentionBytes = numberOf(settings, 'retention.bytes');
  if (role === 'dead_letter' && (retentionMs > UNLIMITED || retentionBytes > UNLIMITED)) {
    const [name, value] = retentionMs > UNLIMITED ? ['retention.ms', retentionMs] : ['retention.bytes', retentionBytes];
    warnings.push(`has ${name}=${value}: the only copy of a dead letter goes with it, set -1`);
  }
  if (role !== 'inbound') return;
  if (retentionMs > UNLIMITED && retentionMs < INBOUND_RETENTION_MS_MIN) {
    warnings.push(
      `has retention.ms=${retentionMs}: what is not read within ${Math.round(retentionMs / HOUR_MS)} h is lost, ` +
        `set ${INBOUND_RETENTION_MS_MIN} or more`,
    );
  }
  if (retentionBytes > UNLIMITED) {
    warnings.push(`has retention.bytes=${retentionBytes}: a burst may delete what is not read yet, set -1`);
  }
}

/** What must fit: the largest completion, and in a dead-letter topic the largest record with the letter's headers. */
function judgeSizes({ topics, settings, slotsMax }: Judged): string[] {
  const problems: string[] = [];
  const bytesMax = (topic: string) => numberOf(settings.get(topic) ?? new Map(), 'max.message.bytes');
  const neededBytes = COMPLETION_BYTES_FIXED + slotsMax * COMPLETION_BYTES_PER_SLOT;
  if (bytesMax(topics.completed) < neededBytes) {
    problems.push(
      `topic ${topics.completed} takes messages of ${bytesMax(topics.completed)} bytes (max.message.bytes), ` +
        `the completion of a batch of ${slotsMax} needs ${neededBytes}`,
    );
  }
  for (const topic of INBOUND.map((name) => topics[name])) {
    const letters = deadLetterTopic(topic);
    const letterBytes = bytesMax(topic) + LETTER_BYTES_EXTRA;
    if (bytesMax(letters) < letterBytes) {
      problems.push(
        `topic ${letters} takes messages of ${bytesMax(letters)} bytes (max.message.bytes), ` +
          `a record of ${topic} that must be set aside can need ${letterBytes}`,
      );
    }
  }
  return problems;
}

/** NaN, which no comparison holds for, where it is not known. */
function numberOf(settings: ReadonlyMap<string, string>, name: (typeof SETTINGS)[number]): number {
  return Number(settings.get(name) ?? Number.NaN);
}
