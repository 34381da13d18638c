/** What a part has to work with. */
import type { Kafka } from 'kafkajs';
import type { CpuLimits } from '../cluster/cpu-limit.ts';
import type { GatewayTier } from '../cluster/gateway-tier.ts';
import type { Sandbox } from '../cluster/product.ts';
import type { WorkerCluster } from '../cluster/worker-cluster.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { Stack } from '../stack/stack.ts';
import type { Journal } from './journal.ts';
import type { Sampler } from './measure/sampler.ts';
import type { PartEvents } from './part-events.ts';

export interface StageDeps {
  readonly directory: RunDirectory;
  readonly journal: Journal;
  readonly events: PartEvents;
  readonly stack: Stack;
  readonly sandbox: Sandbox;
  readonly kafka: Kafka;
  readonly cluster: WorkerCluster;
  /** Null where the plan has none. */
  readonly tier: GatewayTier | null;
  readonly sampler: Sampler;
  /** Null: the workers may use what there is. */
  readonly limits: CpuLimits | null;
  /** Whoever watches the workers must see them before there is something to see. */
  readonly untilWatched: () => Promise<void>;
  readonly signal: AbortSignal;
}
