/** One look at a consumer group, for operators: who is in it. Never joins it. */
import type { Kafka } from 'kafkajs';
import { settledWithin } from '../timing/deadline.ts';
import { adminError } from './kafka-error.ts';

const CLOSE_MS_MAX = 1_000;

export interface GroupDescription {
  /** As Kafka says it: Stable, Empty, Dead, PreparingRebalance, CompletingRebalance. */
  readonly state: string;
  readonly memberCount: number;
}

export async function describeGroup(kafka: Kafka, groupId: string): Promise<GroupDescription> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const [group] = (await admin.describeGroups([groupId])).groups;
    return { state: group?.state ?? 'Dead', memberCount: group?.members.length ?? 0 };
  } catch (error) {
    throw adminError(error, `consumer group ${groupId} cannot be read`);
  } finally {
    await settledWithin(admin.disconnect(), CLOSE_MS_MAX);
  }
}
