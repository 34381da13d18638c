/** All scenarios, in the order in which `all` runs them. */
import type { Scenario } from '../engine/part-plan.ts';
import { agedDatabase } from './aged-database.ts';
import { badInput } from './bad-input.ts';
import { breakingPoint } from './breaking-point.ts';
import { brokerFailover } from './broker-failover.ts';
import { chaos } from './chaos.ts';
import { completion } from './completion.ts';
import { connectionPool } from './connection-pool.ts';
import { contention } from './contention.ts';
import { crash } from './crash.ts';
import { earlyContent } from './early-content.ts';
import { fanOut } from './fan-out.ts';
import { heldBatch } from './held-batch.ts';
import { horizontalScaling } from './horizontal-scaling.ts';
import { idempotency } from './idempotency.ts';
import { idleCrash } from './idle-crash.ts';
import { liveProgress } from './live-progress.ts';
import { memory } from './memory.ts';
import { partition } from './partition.ts';
import { performance } from './performance.ts';
import { pgFailover } from './pg-failover.ts';
import { raceConditions } from './race-conditions.ts';
import { readLoad } from './read-load.ts';
import { redisConsistency } from './redis-consistency.ts';
import { redisFailover } from './redis-failover.ts';
import { resilience } from './resilience.ts';
import { rollingRestart } from './rolling-restart.ts';
import { scaling } from './scaling.ts';
import { sickDestination } from './sick-destination.ts';
import { sickPartition } from './sick-partition.ts';
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
  zombie,
  heldBatch,
  idleCrash,
  sickDestination,
  sickPartition,
  pgFailover,
  brokerFailover,
  redisFailover,
  partition,
  connectionPool,
  chaos,
  horizontalScaling,
  liveProgress,
  resilience,
  contention,
  fanOut,
  breakingPoint,
  readLoad,
  agedDatabase,
  rollingRestart,
  performance,
  scaling,
  memory,
  sustained,
];
