/**
 * Lets a consumer go on when some of its topics do not exist: the others are read, the missing ones are asked for every
 * second. kafkajs 2.2.4 refuses a whole metadata answer for one topic that is not there. When a topic goes, the group is
 * joined anew without it, so that its partitions begin afresh when it comes back, and kafkajs joins by itself then.
 */
import type { Cluster } from 'kafkajs';
import { isTopicMissing } from './kafka-error.ts';

const ASK_AGAIN_MS = 1000;

/** What kafkajs's types do not offer; `refreshMetadata` replaces what the pool knows of topics. */
interface BrokerPoolInternals {
  metadata: { readonly topicMetadata: readonly unknown[] } | null;
  findConnectedBroker(): Promise<{ metadata(topics: readonly string[]): Promise<unknown> }>;
  refreshMetadata(topics: readonly string[]): Promise<void>;
  refreshMetadataIfNecessary(topics: readonly string[]): Promise<void>;
}

export type ClusterWithPool = Cluster & { readonly brokerPool: BrokerPoolInternals };

export function goOnWithoutMissingTopics(
  { brokerPool: pool }: ClusterWithPool,
  onChange: (missing: readonly string[]) => void,
): void {
  const refresh = pool.refreshMetadata.bind(pool);
  const refreshIfNecessary = pool.refreshMetadataIfNecessary.bind(pool);
  let missing: readonly string[] = [];
  let askedAtMs = 0;

  const note = (now: readonly string[]): void => {
    if (now.length === missing.length && now.every((topic) => missing.includes(topic))) return;
    missing = now;
    onChange(now);
  };
  pool.refreshMetadata = async (topics) => {
    const wanted = [...new Set([...topics, ...missing])];
    askedAtMs = performance.now();
    try {
      await refresh(wanted);
      note([]);
    } catch (error) {
      const absent = isTopicMissing(error) ? await absentOf(pool, wanted) : [];
      const present = wanted.filter((topic) => !absent.includes(topic));
      // Nothing is known of the cluster yet, or what was missing is there again.
      if (absent.length === 0 || (present.length === 0 && pool.metadata === null)) throw error;
      // No topic at all would ask for everybody's.
      if (present.length > 0) await refresh(present);
      else pool.metadata = { ...pool.metadata, topicMetadata: [] };
      note(absent);
    }
  };
  pool.refreshMetadataIfNecessary = async (topics) => {
    if (missing.length > 0 && performance.now() - askedAtMs >= ASK_AGAIN_MS) return pool.refreshMetadata(topics);
    const present = topics.filter((topic) => !missing.includes(topic));
    if (present.length > 0) await refreshIfNecessary(present);
  };
}

async function absentOf(pool: BrokerPoolInternals, topics: readonly string[]): Promise<string[]> {
  const broker = await pool.findConnectedBroker();
  const absent: string[] = [];
  for (const topic of topics) {
    try {
      await broker.metadata([topic]);
    } catch (error) {
      if (!isTopicMissing(error)) throw error;
      absent.push(topic);
    }
  }
  return absent;
}
