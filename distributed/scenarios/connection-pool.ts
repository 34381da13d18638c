/**
 * Goal: workers take no more connections than they say, whatever happens to them, end what runs too long, and are back by
 * themselves when the server has connections again. Method: under load every connection of the server is taken from them;
 * their sessions are ended again and again; a table they need is locked for longer than any statement may run.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { SessionWatch } from '../engine/measure/session-watch.ts';
import { untilAllSay } from '../engine/measure/worker-health.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { connectionsTaken, tableLocked } from '../nemesis/connection-faults.ts';
import type { Injector } from '../nemesis/injector.ts';
import { serverInjector } from '../nemesis/server-faults.ts';
import { gateSeconds, loadNow } from './steps.ts';

const POOL_MAX = 4;
/** Of relay, upkeep, read API and probes, as the setting of the pool says. */
const OTHER_SESSIONS_MAX = 6;
const STATEMENT_TIMEOUT_MS = 4_000;
const WAITED_MS_MIN = 1_000;
/** Until a statement that was ended is seen to be gone, on a busy machine. */
const ENDED_WITHIN_MS = 1_000;
const RATE_PER_SECOND = 200;
const BEFORE_MS = 3_000;
const HOLD_MS = 10_000;
const AFTER_SECONDS = 8;
const HEALTH_MS_MAX = 30_000;

interface Trouble {
  readonly name: string;
  readonly fault: (databaseUrl: string) => Injector;
  /** Workers cannot do anything meanwhile, and have to say so. */
  readonly isNoticed: boolean;
  /** Statements must have waited for it. */
  readonly makesWait?: boolean;
}

const TROUBLES: readonly Trouble[] = [
  { name: 'exhausted', fault: connectionsTaken, isNoticed: true },
  {
    name: 'churn',
    fault: (databaseUrl) => serverInjector('postgres-terminate', { databaseUrl, postgres: undefined, kafka: [] }, 0),
    isNoticed: false,
  },
  { name: 'locked', fault: (databaseUrl) => tableLocked(databaseUrl, 'slots'), isNoticed: false, makesWait: true },
];

export const connectionPool: Scenario = {
  name: 'connection_pool',
  goal: 'Workers take no more connections than they say, end what runs too long, and come back by themselves.',
  method: 'All connections of PostgreSQL are taken; sessions are ended again and again; a table is locked for 10 s.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => TROUBLES.map((trouble) => part(request, workers, trouble))),
};

function part(request: PartRequest, workers: number, trouble: Trouble): PartPlan {
  const durationSeconds = (BEFORE_MS + HOLD_MS) / 1_000 + AFTER_SECONDS;
  const load = { ...DEFAULT_LOAD, seed: request.seed, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  return {
    name: trouble.name,
    workers,
    env: { DATABASE_POOL_MAX: `${POOL_MAX}`, STATEMENT_TIMEOUT_MS: `${STATEMENT_TIMEOUT_MS}` },
    options: { ...load, holdMs: HOLD_MS },
    run: async (stage) => {
      await stage.startWorkers();
      stage.beginLoad();
      const sessions = await SessionWatch.begin(stage.deps.sandbox.addresses.databaseUrl);
      try {
        await Promise.all([disturb(stage, trouble), stage.send(loadNow(load))]);
        await stage.quiesce();
        await judge(stage, sessions, workers);
        if (trouble.makesWait) judgeWaiting(stage, sessions);
      } finally {
        await sessions.end();
      }
    },
  };
}

async function disturb(stage: Stage, { fault, isNoticed }: Trouble): Promise<void> {
  const { cluster, sandbox } = stage.deps;
  const all = { workers: cluster.workers, limitMs: HEALTH_MS_MAX, signal: stage.signal };
  await stage.pause(BEFORE_MS);
  await stage.whileBroken(fault(sandbox.addresses.databaseUrl), async () => {
    const noticing = isNoticed ? untilAllSay({ ...all, isSo: (status) => status === 'unhealthy' }) : null;
    await stage.pause(HOLD_MS);
    if (noticing === null) return;
    const what = 'From the last connection taken until every worker says that it cannot work';
    gateSeconds(stage, what, (await noticing) ?? HEALTH_MS_MAX, TARGETS.noticedSecondsMax);
  });
  const healthyMs = await untilAllSay({ ...all, isSo: (status) => status === 'healthy' });
  gateSeconds(
    stage,
    'From the end of the fault until every worker is healthy',
    healthyMs ?? HEALTH_MS_MAX,
    TARGETS.recoverySecondsMax,
  );
}

async function judge(stage: Stage, watch: SessionWatch, workers: number): Promise<void> {
  const { sessions } = await watch.look();
  const sessionsMax = workers * (POOL_MAX + OTHER_SESSIONS_MAX);
  stage.findings.number('most sessions of all workers', watch.most.sessions);
  stage.findings.number('sessions at the end', sessions);
  stage.findings.number('longest statement', watch.most.statementMs, { unit: 'ms', better: 'lower' });
  stage.findings.check({
    id: 'sessions',
    title: 'Workers never had more sessions than they say they open',
    verdict: watch.most.sessions <= sessionsMax,
    judged: watch.looks,
    message: `${watch.most.sessions} sessions, at most ${sessionsMax} were promised`,
  });
  stage.findings.check({
    id: 'statements',
    title: 'No statement ran longer than it may',
    verdict: watch.most.statementMs <= STATEMENT_TIMEOUT_MS + ENDED_WITHIN_MS,
    judged: watch.looks,
    message: `a statement ran for ${Math.round(watch.most.statementMs)} ms`,
  });
}

function judgeWaiting(stage: Stage, watch: SessionWatch): void {
  stage.findings.check({
    id: 'fault-bit',
    title: 'Statements waited for the lock',
    verdict: watch.most.statementMs >= WAITED_MS_MIN ? true : 'unknown',
    judged: watch.looks,
    message: `the longest statement ran for ${Math.round(watch.most.statementMs)} ms`,
  });
}
