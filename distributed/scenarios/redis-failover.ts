/**
 * Goal: when the master of Redis dies or hangs, the service goes on without hints, says that it is degraded, and uses the
 * replica that the sentinels make the master. Method: three sentinels, a master and its replica; under a load with many
 * duplicates the master is killed, or frozen, and the promoted server is watched: hints are written to it and asked for.
 */
import { Redis } from 'ioredis';
import { TARGETS } from '../../artefacts/targets.ts';
import { untilAllSay } from '../engine/measure/worker-health.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { Injector } from '../nemesis/injector.ts';
import { serverFrozen, serversKilled } from '../nemesis/server-faults.ts';
import type { FailingOverRedis } from '../stack/process/context.ts';
import type { Server } from '../stack/process/server.ts';
import { until } from '../stack/process/until.ts';
import { gateSeconds, loadNow } from './steps.ts';

const RATE_PER_SECOND = 300;
const BEFORE_MS = 4_000;
const HINTS_MS_MAX = 30_000;
const HEALTH_MS_MAX = 30_000;
const POLL_INTERVAL_MS = 50;

interface Trouble {
  readonly name: string;
  readonly fault: (master: Server) => Injector;
}

const TROUBLES: readonly Trouble[] = [
  { name: 'master-killed', fault: (master) => serversKilled([master]) },
  { name: 'master-hung', fault: serverFrozen },
];

export const redisFailover: Scenario = {
  name: 'redis_failover',
  goal: 'When the master of Redis dies or hangs, work goes on without it, and hints work again on the promoted replica.',
  method: 'The master that three sentinels watch is killed or frozen under a load with many duplicates.',
  defaultInstances: [3],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => TROUBLES.map((trouble) => part(request, workers, trouble))),
};

function part(request: PartRequest, workers: number, { name, fault }: Trouble): PartPlan {
  const durationSeconds = request.tier === 'quick' ? 20 : 60;
  const varied = { ratePerSecond: RATE_PER_SECOND, durationSeconds, duplicatePercent: 100 };
  const load = { ...DEFAULT_LOAD, ...varied, seed: request.seed };
  return {
    name,
    workers,
    servers: { redisSentinels: true },
    options: load,
    // Slots must have been taken while the master was away.
    races: { faultsMetWork: 1 },
    run: async (stage) => {
      const { watchedRedis } = stage.deps.stack;
      if (watchedRedis === undefined) throw new Error('sentinels of our own are needed');
      await stage.startWorkers();
      stage.beginLoad();
      await Promise.all([stage.send(loadNow(load)), failOver(stage, watchedRedis, fault)]);
      await stage.quiesce();
    },
  };
}

async function failOver(stage: Stage, redis: FailingOverRedis, fault: Trouble['fault']): Promise<void> {
  await stage.pause(BEFORE_MS);
  const { workers } = stage.deps.cluster;
  const brokenAtMs = performance.now();
  await stage.whileBroken(fault(redis.master), async () => {
    const all = { workers, limitMs: HEALTH_MS_MAX, signal: stage.signal };
    const noticing = untilAllSay({ ...all, isSo: (status) => status === 'degraded' });
    await redis.untilFailedOver();
    const promotedMs = performance.now() - brokenAtMs;
    stage.findings.number('promoted after', promotedMs, { unit: 'ms', better: 'lower' });
    await untilHintsWork(stage, redis.master);
    const { recoverySecondsMax } = TARGETS;
    gateSeconds(
      stage,
      'From the fault to hints that are written and asked for again',
      performance.now() - brokenAtMs,
      recoverySecondsMax,
    );
    gateSeconds(
      stage,
      'From the fault until every worker says that it is degraded',
      (await noticing) ?? HEALTH_MS_MAX,
      recoverySecondsMax,
    );
    // The former master is still away: they are well with its successor.
    await untilAllSay({ ...all, isSo: (status) => status === 'healthy' });
    gateSeconds(
      stage,
      'From the fault until every worker is healthy again',
      performance.now() - brokenAtMs,
      recoverySecondsMax,
    );
  });
}

/** On the promoted server: keys come to be, and some that are asked for are there. */
async function untilHintsWork(stage: Stage, { host, port }: Server): Promise<void> {
  const { pathname } = new URL(stage.deps.sandbox.addresses.redisUrl);
  const redis = new Redis({ host, port, db: Number(pathname.slice(1)) });
  redis.on('error', () => undefined);
  try {
    const before = await usageOf(redis);
    const areUsed = async () => {
      const { keys, hits } = await usageOf(redis);
      return keys > before.keys && hits > before.hits;
    };
    const wait = { limitMs: HINTS_MS_MAX, intervalMs: POLL_INTERVAL_MS };
    await until(areUsed, new Error('nobody uses hints on the promoted server'), wait);
  } finally {
    redis.disconnect();
  }
}

async function usageOf(redis: Redis): Promise<{ readonly keys: number; readonly hits: number }> {
  const [keys, facts] = await Promise.all([redis.dbsize(), redis.info('stats')]);
  return { keys, hits: Number(/keyspace_hits:(\d+)/.exec(facts)?.[1] ?? 0) };
}
