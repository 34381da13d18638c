/** Which broker leads what: topics of a part made anew, each partition where the part needs it. */
import type { Admin, IResourceConfigEntry, Kafka } from 'kafkajs';
import { createTopic, ownSettings, withAdmin, withSettings } from '../cluster/kafka-client.ts';
import { until, type Wait } from '../stack/process/until.ts';

/** Of positions and members of all groups. */
export const OFFSETS_TOPIC = '__consumer_offsets';

const WAIT: Wait = { limitMs: 30_000, intervalMs: 100 };

export interface TopicLayout {
  readonly topic: string;
  readonly partitions: number;
  /** Nodes; the first one leads. */
  readonly replicas: readonly number[];
  readonly inSyncMin: number;
}

/**
 * The brokers say when they took a record (`LogAppendTime`), whatever its sender says: what became possible again when
 * can then be read from the topics.
 */
export async function layOut(kafka: Kafka, layouts: readonly TopicLayout[]): Promise<void> {
  const topics = layouts.map(({ topic }) => topic);
  await withAdmin(kafka, async (admin) => {
    // What the product gave them, their successors keep.
    const settings = await ownSettings(admin, topics);
    await admin.deleteTopics({ topics });
    const areGone = async () => (await admin.listTopics()).every((topic) => !topics.includes(topic));
    await untilSettled(areGone, 'topics do not go');
    await Promise.all(layouts.map((layout) => createLaidOut(admin, layout, settings.get(layout.topic) ?? [])));
  });
}

function createLaidOut(admin: Admin, layout: TopicLayout, own: readonly IResourceConfigEntry[]): Promise<void> {
  const { topic, partitions, replicas, inSyncMin } = layout;
  return createTopic(admin, {
    topic,
    replicaAssignment: Array.from({ length: partitions }, (_, partition) => ({ partition, replicas: [...replicas] })),
    configEntries: withSettings(own, [
      { name: 'min.insync.replicas', value: String(inSyncMin) },
      { name: 'message.timestamp.type', value: 'LogAppendTime' },
    ]),
  });
}

/**
 * Resolves when none of the topics is led by one of these nodes, or by nobody, and no leader waits for one of them:
 * until then Kafka acknowledges nothing, whoever leads.
 */
export async function untilLedByOthers(
  kafka: Kafka,
  topics: readonly string[],
  nodes: readonly number[],
): Promise<void> {
  await withAdmin(kafka, (admin) =>
    untilSettled(async () => {
      const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
      return metadata.topics.every(({ partitions }) =>
        partitions.every(
          ({ leader, isr }) => leader > 0 && !nodes.some((node) => node === leader || isr.includes(node)),
        ),
      );
    }, 'partitions of a broker that is away get no other leader'),
  );
}

/** The node that keeps the offsets and members of a group, as Kafka chooses it: leader of a partition by its name. */
export async function coordinatorOf(kafka: Kafka, groupId: string): Promise<number> {
  return withAdmin(kafka, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [OFFSETS_TOPIC] });
    const partitions = topics[0]?.partitions ?? [];
    const wanted = Math.abs(javaHash(groupId)) % Math.max(1, partitions.length);
    const leader = partitions.find(({ partitionId }) => partitionId === wanted)?.leader ?? -1;
    if (leader < 0) throw new Error(`nobody coordinates ${groupId}`);
    return leader;
  });
}

/** Of Java's strings. */
function javaHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  return hash;
}

/** A look may fail while the brokers settle. */
function untilSettled(isSo: () => Promise<boolean>, failure: string): Promise<void> {
  return until(() => isSo().catch(() => false), new Error(failure), WAIT);
}
