/**
 * What a member of a consumer group must know of kafkajs 2.2.4 that its types do not offer, all in this file and each
 * covered by an integration test. The way in is the partition assigner, which kafkajs hands the cluster object of its
 * consumer.
 */
import { type Assigner, type Batch, type Cluster, type PartitionAssigner, PartitionAssigners } from 'kafkajs';
import { isConnectionFailure, isCoordinatorUnready } from './kafka-error.ts';

export class ConsumerCluster {
  private readonly groupId: string;
  private readonly beforeJoin: () => Promise<void>;
  private cluster: ClusterInternals | undefined;

  /** `beforeJoin`: awaited before every request to join, the last moment in which the former generation can commit. */
  constructor(groupId: string, beforeJoin: () => Promise<void>) {
    this.groupId = groupId;
    this.beforeJoin = beforeJoin;
  }

  /** Round robin, kafkajs's only one. */
  readonly assigner: PartitionAssigner = (config): Assigner => {
    this.cluster = config.cluster as ClusterInternals;
    keepMembership(this.cluster, this.groupId, this.beforeJoin);
    return PartitionAssigners.roundRobin(config);
  };

  /** Where kafkajs will go on reading, once it has looked up the committed offset or the beginning of the log. */
  position(topic: string, partition: number): number | undefined {
    const offset = this.cluster?.committedOffsets({ groupId: this.groupId })[topic]?.[partition];
    if (offset === undefined || offset === null) return undefined;
    const position = Number(offset);
    return position >= 0 ? position : undefined;
  }
}

/** The offset that was asked for: with it, a record batch that belongs to a former position is recognised. */
export function fetchedOffset(batch: Batch): number {
  return Number((batch as BatchInternals).fetchedOffset);
}

interface ClusterInternals extends Cluster {
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
    throw Object.assign(new Error('The group coordinator is elsewhere or not ready', { cause: error }), {
      type: 'NOT_COORDINATOR_FOR_GROUP',
    });
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
