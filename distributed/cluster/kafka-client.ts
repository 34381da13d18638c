import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { installHarnessCodecs } from './harness-codecs.ts';

/** A silent client of the judge's own: what goes wrong arrives as an error, not as a log line between the progress. */
export function kafkaClient(brokers: readonly string[], clientId: string): Kafka {
  installHarnessCodecs();
  return new Kafka({ brokers: [...brokers], clientId, logLevel: logLevel.NOTHING });
}

const COORDINATOR_MS_MAX = 30_000;
const POLL_INTERVAL_MS = 200;

/**
 * Waits until the group's coordinator answers. A Kafka that never had a group makes its offsets topic at the first
 * question, which takes seconds; a run is about the service, not about that.
 */
export async function waitForCoordinator(kafka: Kafka, groupId: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const giveUpAtMs = Date.now() + COORDINATOR_MS_MAX;
    for (;;) {
      try {
        await admin.fetchOffsets({ groupId });
        return;
      } catch (error) {
        if (Date.now() > giveUpAtMs) {
          throw error;
        }
      }
      await sleep(POLL_INTERVAL_MS);
    }
  } finally {
    await admin.disconnect();
  }
}

const GROUP_STABLE_MS_MAX = 60_000;
const GROUP_POLL_INTERVAL_MS = 100;

/** Waits until so many members share the group and none of them is coming or going. */
export async function waitForMembers(
  kafka: Kafka,
  groupId: string,
  members: number,
  signal: AbortSignal,
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const giveUpAtMs = Date.now() + GROUP_STABLE_MS_MAX;
  try {
    for (;;) {
      signal.throwIfAborted();
      const { groups } = await admin.describeGroups([groupId]);
      const [group] = groups;
      if (group?.state === 'Stable' && group.members.length === members) return;
      if (Date.now() > giveUpAtMs) {
        throw new Error(`the group of ${members} workers was not stable within ${GROUP_STABLE_MS_MAX} ms`);
      }
      await sleep(GROUP_POLL_INTERVAL_MS);
    }
  } finally {
    await admin.disconnect();
  }
}
