/**
 * What a member of a consumer group must know of kafkajs 2.2.4 that its types do not offer, all in this file and each
 * covered by an integration test. The way in is the partition assigner, which kafkajs hands the cluster object of its
 * consumer.
 */
import { type Assigner, type Batch, type Cluster, type PartitionAssigner, PartitionAssigners } from 'kafkajs';
import type { TopicPartition } from '../domain/ports.ts';
import type { FetchTerms } from './fetch-pacing.ts';
import { isConnectionFailure, isCoordinatorUnready } from './kafka-error.ts';
import { type ClusterWithPool, goOnWithoutMissingTopics } from './missing-topics.ts';

export interface ConsumerClusterHooks {
  /** Awaited before every request to join, the last moment in which the former generation can commit. */
  beforeJoin(): Promise<void>;
  /** The position of the partition is not in the log. kafkajs asks again afterwards, from where it was told to seek. */
  outOfRange(partition: TopicPartition): Promise<void>;
  /** These topics of ours do not exist; empty when all are there again. */
  topicsMissing(topics: readonly string[]): void;
  /** Of the next fetch. */
  fetchTerms(): FetchTerms;
}

/** What a log holds: the first offset, and the one behind the last. */
export interface LogRange {
  readonly offsetFirst: number;
  readonly offsetEnd: number;
}

const NO_OFFSET = -1;
const NO_LEADER = -1;

export class ConsumerCluster {
  private readonly groupId: string;
  private readonly hooks: ConsumerClusterHooks;
  private cluster: ClusterInternals | undefined;
  private mustRejoin = false;

  constructor(groupId: string, hooks: ConsumerClusterHooks) {
    this.groupId = groupId;
    this.hooks = hooks;
  }

  /** Round robin, kafkajs's only one. */
  readonly assigner: PartitionAssigner = (config): Assigner => {
    const cluster = config.cluster as ClusterInternals;
    this.cluster = cluster;
    keepMembership(cluster, this.groupId, async () => {
      await this.hooks.beforeJoin();
      this.mustRejoin = false;
    });
    // Both are asked for by our patch of kafkajs, the first in the place of a reset that skips records unsaid.
    cluster.offsetOutOfRange = (partition) => this.hooks.outOfRange(partition);
    cluster.fetchTerms = () => this.hooks.fetchTerms();
    goOnWithoutMissingTopics(cluster, (topics) => {
      this.rejoin();
      this.hooks.topicsMissing(topics);
    });
    const refreshIfNecessary = cluster.refreshMetadataIfNecessary.bind(cluster);
    // The first thing that kafkajs does for every fetch.
    cluster.refreshMetadataIfNecessary = async () => {
      await refreshIfNecessary();
      if (!this.mustRejoin) return;
      this.mustRejoin = false;
      throw rejoinError('The member begins anew');
    };
    return PartitionAssigners.roundRobin(config);
  };

  /** Where kafkajs will go on reading, once it has looked up the committed offset or the beginning of the log. */
  position(topic: string, partition: number): number | undefined {
    const offset = this.cluster?.committedOffsets({ groupId: this.groupId })[topic]?.[partition];
    const position = Number(offset ?? NO_OFFSET);
    if (position >= 0) return position;
    // Nothing is committed, and nobody can say where the log begins: nothing before that can be meant.
    return this.isLeaderless(topic, partition) ? 0 : undefined;
  }

  private isLeaderless(topic: string, partition: number): boolean {
    const partitions = this.cluster?.findTopicPartitionMetadata(topic) ?? [];
    return partitions.some(({ partitionId, leader }) => partitionId === partition && leader === NO_LEADER);
  }

  async logRange({ topic, partition }: TopicPartition): Promise<LogRange> {
    const edge = async (fromBeginning: boolean): Promise<number> => {
      const wanted = [{ topic, partitions: [{ partition }], fromBeginning }];
      const [found] = (await this.cluster?.fetchTopicsOffset(wanted)) ?? [];
      const offset = found?.partitions[0]?.offset;
      if (offset === undefined) throw rejoinError('The leader of a partition is not known');
      return Number(offset);
    };
    const [offsetFirst, offsetEnd] = await Promise.all([edge(true), edge(false)]);
    return { offsetFirst, offsetEnd };
  }

  /** Before the next fetch the member joins again, and with that begins a new epoch. */
  rejoin(): void {
    this.mustRejoin = true;
  }
}

/** kafkajs answers it by joining again as the member it is. */
function rejoinError(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { type: 'NOT_COORDINATOR_FOR_GROUP' });
}

/** The offset that was asked for: with it, a record batch that belongs to a former position is recognised. */
export function fetchedOffset(batch: Batch): number {
  return Number((batch as BatchInternals).fetchedOffset);
}

interface ClusterInternals extends ClusterWithPool {
  offsetOutOfRange?: (partition: TopicPartition) => Promise<void>;
  fetchTerms?: () => FetchTerms;
  refreshMetadataIfNecessary(): Promise<void>;
  committedOffsets(group: { groupId: string }): Record<string, Record<number, string | null | undefined> | undefined>;
}

interface BatchInternals extends Batch {
  readonly fetchedOffset: string;
}

interface CoordinatorInternals {
  readonly nodeId: number;
  heartbeat(payload: unknown): Promise<unknown>;
  joinGroup(payload: unknown): Promise<unknown>;
  syncGroup(payload: unknown): Promise<unknown>;
}

/**
 * When the coordinator dies, kafkajs sends its heartbeats to the dead address until it gives up, and it gives up at
 * once when the next coordinator is still loading. It comes back as a new member then, while the group waits for the
 * old one to expire. Told that the group is rebalancing, it looks for the coordinator and rejoins as the member it is.
 */
function keepMembership(cluster: Cluster, groupId: string, beforeJoin: () => Promise<void>): void {
  const find = cluster.findGroupCoordinator.bind(cluster);
  const hasMovedFrom = async (nodeId: number) => {
    const found = await cluster.findGroupCoordinatorMetadata({ groupId }).catch(() => undefined);
    return found !== undefined && found.coordinator.nodeId !== nodeId;
  };
  const rejoinIf = async (error: unknown, isWorthIt: boolean | Promise<boolean>): Promise<never> => {
    if (!(await isWorthIt)) throw error;
    throw rejoinError('The group coordinator is elsewhere or not ready', error);
  };
  const isTransient = (error: unknown) => isConnectionFailure(error) || isCoordinatorUnready(error);

  cluster.findGroupCoordinator = async (group) => {
    const broker = await find(group).catch((error: unknown) => rejoinIf(error, isTransient(error)));
    const coordinator = broker as unknown as CoordinatorInternals;
    return Object.create(broker, {
      heartbeat: {
        value: (payload: unknown) =>
          coordinator
            .heartbeat(payload)
            .catch((error: unknown) => rejoinIf(error, isConnectionFailure(error) && hasMovedFrom(coordinator.nodeId))),
      },
      joinGroup: {
        value: async (payload: unknown) => {
          await beforeJoin();
          return coordinator.joinGroup(payload).catch((error: unknown) => rejoinIf(error, isTransient(error)));
        },
      },
      syncGroup: {
        value: (payload: unknown) =>
          coordinator.syncGroup(payload).catch((error: unknown) => rejoinIf(error, isTransient(error))),
      },
    });
  };
}
