/** All scenarios, in the order in which `all` runs them. */
import type { Scenario } from '../engine/part-plan.ts';
import { agedDatabase } from './aged-database.ts';
import { badInput } from './bad-input.ts';
import { brokerFailover } from './broker-failover.ts';
import { chaos } from './chaos.ts';
import { clockSkew } from './clock-skew.ts';
import { completion } from './completion.ts';
import { connectionPool } from './connection-pool.ts';
import { crash } from './crash.ts';
import { crashPoints } from './crash-points.ts';
import { diskFull } from './disk-full.ts';
import { earlyContent } from './early-content.ts';
import { heldBatch } from './held-batch.ts';
import { hotBatch } from './hot-batch.ts';
import { idempotency } from './idempotency.ts';
import { idleCrash } from './idle-crash.ts';
import { kraftQuorum } from './kraft-quorum.ts';
import { memory } from './memory.ts';
import { outbox } from './outbox.ts';
import { partition } from './partition.ts';
import { performance } from './performance.ts';
import { pgFailover } from './pg-failover.ts';
import { raceConditions } from './race-conditions.ts';
import { readLoad } from './read-load.ts';
import { rebalanceStorm } from './rebalance-storm.ts';
import { redisConsistency } from './redis-consistency.ts';
import { redisFailover } from './redis-failover.ts';
import { rollingRestart } from './rolling-restart.ts';
import { scaling } from './scaling.ts';
import { sickDestination } from './sick-destination.ts';
import { sickPartition } from './sick-partition.ts';
import { slowConsumer } from './slow-consumer.ts';
import { soak } from './soak.ts';
import { sustained } from './sustained.ts';
import { validationFailures } from './validation-failures.ts';
import { zombie } from './zombie.ts';

export const SCENARIOS: readonly Scenario[] = [
  raceConditions,
  completion,
  idempotency,
  earlyContent,
  validationFailures,
  redisConsistency,
  badInput,
  crash,
  crashPoints,
  outbox,
  zombie,
  rebalanceStorm,
  heldBatch,
  hotBatch,
  idleCrash,
  sickDestination,
  sickPartition,
  pgFailover,
  kraftQuorum,
  brokerFailover,
  redisFailover,
  partition,
  slowConsumer,
  connectionPool,
  diskFull,
  clockSkew,
  chaos,
  readLoad,
  agedDatabase,
  rollingRestart,
  performance,
  scaling,
  memory,
  sustained,
  soak,
];

/** Names that stand for several. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  /** What the service stands on: quorum, brokers, hints, connections, lines. */
  infrastructure: [kraftQuorum, brokerFailover, redisFailover, connectionPool, partition].map(({ name }) => name),
};
