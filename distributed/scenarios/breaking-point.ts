/**
 * Goal: the number of users at which the gateways are too slow or refuse, and what gave out first; whatever was accepted
 * is placed all the same. Method: more and more users who post a text a second, until one answer in a hundred is an error
 * or the 99th percentile is above a second. They share the machine with all servers, so the number is of this machine.
 * Beside it a load tool that others wrote does the same as as many users of ours, in turn: the figures must agree.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TARGETS } from '../../artefacts/targets.ts';
import { foreignLoad, type LoadFigures } from '../clients/foreign-load.ts';
import type { HttpUser } from '../clients/http-user.ts';
import type { Window } from '../engine/measure/client-latencies.ts';
import { processShapes } from '../engine/measure/process-metrics.ts';
import { median } from '../engine/measure/trend.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { LatencyRecorder } from '../run/latency-log.ts';
import { searchCapacity } from './capacity/capacity-search.ts';
import { GATEWAY_ENV, GATEWAYS, openBatches, secondsAt, withCrowd } from './gateway-steps.ts';

const BATCHES = 10;
const SLOTS = 5_000;
const EVERY_MS = 1_000;
const STEP_SECONDS = { quick: 6, full: 20 };
const TRIALS_MAX = 9;
const ERROR_SHARE_MAX = 0.01;
const P99_SECONDS_MAX = 1;
const CONNECTIONS = 10;
const ROUNDS = { quick: 3, full: 5 };
const ROUND_SECONDS = 5;
const DRAIN_MS_MAX = 60_000;

export const breakingPoint: Scenario = {
  name: 'breaking_point',
  goal: 'How many users the gateways carry here, and what gives out first; nothing accepted is lost beyond that.',
  method: 'Users are added until 1 % errors or P99 > 1 s; a foreign load tool beside ours, whose figures must agree.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => [
      partOf('users', request, workers, addUsers),
      partOf('foreign-tool', request, workers, compareTools),
    ]),
};

type Script = (stage: Stage, owners: readonly HttpUser[], tier: PartRequest['tier']) => Promise<void>;

function partOf(name: string, { seed, tier }: PartRequest, workers: number, script: Script): PartPlan {
  return {
    name,
    workers,
    gateways: GATEWAYS,
    gatewayEnv: GATEWAY_ENV,
    options: { gateways: GATEWAYS, batches: BATCHES },
    run: (stage) =>
      withCrowd(stage, seed, async (crowd) => {
        const owners = await openBatches(stage, crowd, { seed, count: BATCHES, slots: SLOTS });
        stage.beginLoad();
        await script(stage, owners, tier);
      }),
  };
}

interface Step {
  readonly users: number;
  readonly window: Window;
  readonly p99Seconds: number;
  readonly errorShare: number;
  /** Of the users themselves, who are in our process. */
  readonly ownCpu: number;
}

async function addUsers(stage: Stage, owners: readonly HttpUser[], tier: PartRequest['tier']): Promise<void> {
  const steps: Step[] = [];
  const search = { firstRate: 50, growth: 2, tolerance: 0.3, trialsMax: TRIALS_MAX };
  const { rate, failedAt } = await searchCapacity(search, async (users) => {
    const step = await tryWith(Math.round(users), owners, steps.length, STEP_SECONDS[tier]);
    steps.push(step);
    stage.note(describe(step));
    return isCarried(step);
  });
  stage.findings.number('users carried', Math.round(rate), { unit: 'users', better: 'higher' });
  const first = steps.find((step) => !isCarried(step));
  stage.findings.check({
    id: 'broke',
    title: 'Users were added until something gave out',
    verdict: failedAt === null || rate === 0 ? 'unknown' : true,
    judged: steps.length,
    message:
      rate === 0 ? 'the first step was too much' : `${Math.round(rate)} users were carried, and nobody tried more`,
  });
  if (first === undefined) return;
  stage.afterwards(async ({ directory }) => {
    const shapes = await processShapes(directory, first.window);
    const busiest = shapes.slice(0, 3).map(({ name, cpu }) => `${name} ${percent(cpu)}`);
    stage.findings.note(`gave out: ${describe(first)}; most of a core: ${busiest.join(', ')}`);
  });
}

function isCarried({ p99Seconds, errorShare }: Step): boolean {
  return errorShare < ERROR_SHARE_MAX && p99Seconds <= P99_SECONDS_MAX;
}

function describe({ users, p99Seconds, errorShare, ownCpu }: Step): string {
  const figures = `P99 ${Math.round(p99Seconds * 1_000)} ms, ${percent(errorShare)} errors`;
  return `${users} users: ${figures}, the users themselves ${percent(ownCpu)} of a core`;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Each posts at a beat of its own; what took longer than its second is not made up for. */
async function tryWith(users: number, owners: readonly HttpUser[], step: number, seconds: number): Promise<Step> {
  const latencies = new LatencyRecorder();
  const cpuBefore = process.cpuUsage();
  const fromMs = Date.now();
  const startedAtMs = performance.now();
  let attempts = 0;
  let posts = 0;
  const post = async (user: number) => {
    const owner = owners[user % owners.length];
    if (owner === undefined) return;
    await sleep((user * EVERY_MS) / users);
    for (let text = 0; performance.now() - startedAtMs < seconds * 1_000; text++) {
      const beganAtMs = performance.now();
      const tried = await owner.upload(`step ${step} user ${user} text ${text}`, true);
      attempts += tried;
      posts++;
      const tookMs = performance.now() - beganAtMs;
      latencies.record(tookMs, Date.now());
      await sleep(Math.max(0, EVERY_MS - tookMs));
    }
  };
  await Promise.all(Array.from({ length: users }, (_, user) => post(user)));
  const { user, system } = process.cpuUsage(cpuBefore);
  const tookSeconds = (performance.now() - startedAtMs) / 1_000;
  return {
    users,
    window: { fromMs, toMs: Date.now() },
    p99Seconds: secondsAt(latencies, 99) ?? 0,
    errorShare: (attempts - posts) / Math.max(1, attempts),
    ownCpu: (user + system) / 1e6 / tookSeconds,
  };
}

async function compareTools(stage: Stage, owners: readonly HttpUser[], tier: PartRequest['tier']): Promise<void> {
  const { url } = stage.tier;
  const ours: LoadFigures[] = [];
  const theirs: LoadFigures[] = [];
  // One round for nothing: both meet warm gateways.
  for (let round = 0; round <= ROUNDS[tier]; round++) {
    const owner = owners[round % owners.length];
    if (owner === undefined) throw new Error('nobody came');
    const { batchId } = owner.options;
    const own = await ownLoad(owner, round);
    // What one has left to do is not to slow the other.
    await stage.untilDrained(DRAIN_MS_MAX);
    const foreign = await foreignLoad({ url, batchId, connections: CONNECTIONS, seconds: ROUND_SECONDS });
    await stage.untilDrained(DRAIN_MS_MAX);
    if (round === 0) continue;
    ours.push(own);
    theirs.push(foreign);
  }
  const middle = (of: readonly LoadFigures[], what: keyof LoadFigures) => median(of.map((each) => each[what])) ?? 0;
  for (const what of ['perSecond', 'p50Ms', 'p99Ms'] as const) {
    stage.findings.number(`${what} by the harness`, middle(ours, what), { samples: ours.map((each) => each[what]) });
    stage.findings.number(`${what} by autocannon`, middle(theirs, what), { samples: theirs.map((each) => each[what]) });
  }
  const ratio = middle(theirs, 'perSecond') / middle(ours, 'perSecond');
  stage.gate({
    name: 'Posts per second by one tool over those by the other',
    measured: Math.max(ratio, 1 / ratio),
    target: TARGETS.loadToolRatioMax,
    comparison: '<=',
    unit: '',
    source: 'aimed at',
    note: `autocannon ${Math.round(middle(theirs, 'perSecond'))}/s, harness ${Math.round(middle(ours, 'perSecond'))}/s`,
  });
  const errors = [...ours, ...theirs].reduce((sum, each) => sum + each.errors, 0);
  stage.findings.check({
    id: 'tools-answered',
    title: 'Both tools were answered 2xx only',
    verdict: errors === 0,
    judged: ours.length + theirs.length,
    message: `${errors} answers were others`,
  });
}

/** As the foreign tool does it. */
async function ownLoad(owner: HttpUser, round: number): Promise<LoadFigures> {
  const latencies = new LatencyRecorder();
  const startedAtMs = performance.now();
  let posts = 0;
  let attempts = 0;
  const post = async (connection: number) => {
    for (let text = 0; performance.now() - startedAtMs < ROUND_SECONDS * 1_000; text++) {
      const beganAtMs = performance.now();
      const tried = await owner.upload(`round ${round} connection ${connection} text ${text}`, false);
      attempts += tried;
      posts++;
      latencies.record(performance.now() - beganAtMs, Date.now());
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => post(connection)));
  const perSecond = (posts * 1_000) / (performance.now() - startedAtMs);
  const at = (percentile: number) => (secondsAt(latencies, percentile) ?? 0) * 1_000;
  return { perSecond, p50Ms: at(50), p99Ms: at(99), errors: attempts - posts };
}
