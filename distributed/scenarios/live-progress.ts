/**
 * Goal: whoever watches a batch hears of every change once, in order and soon, through whichever gateway, whatever becomes
 * of gateways, connections and Redis. Method: watchers that write down what they are told, over connections and gateways;
 * the judge compares it with the slots as they are stored (I20). The parts are the tests that a multi-node guide asks for:
 * connectivity, stickiness (there is none), broadcast, order and isolation in `streams`; recovery in `reconnects`; the
 * crash of a node; Redis away; a thousand sockets; stale sessions.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import type { Crowd } from '../clients/crowd.ts';
import type { HttpUser } from '../clients/http-user.ts';
import type { LiveWatcher } from '../clients/live-watcher.ts';
import type { Window } from '../engine/measure/client-latencies.ts';
import { processShapes } from '../engine/measure/process-metrics.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { fill, GATEWAY_ENV, GATEWAYS, measureChanges, openBatches, untilTold, withCrowd } from './gateway-steps.ts';
import { gatewayKilled, redisAway, staleSessions } from './live-failures.ts';

const BATCHES = 10;
/** Of one batch, at the same time, each through a gateway of its own. */
const WRITERS = 3;
const STREAM = { quick: { texts: 25, everyMs: 500 }, full: { texts: 100, everyMs: 200 } };
const CUTS = { quick: 6, full: 60 };
const CUT_EVERY_MS = 1_000;
const RESUMED_MIN = 20;
/** Changes of each batch per second: so many messages gets each socket. */
const CHANGES_PER_SECOND = 10;
const SOCKETS = { quick: { sockets: 200, seconds: 12 }, full: { sockets: 1_000, seconds: 300 } };
const SOCKETS_AT_ONCE = 50;

/** A process that was just started is slow for a while, for everybody; that is another question. */
const WARM_UP_MS = 4_000;

/** One part: its name, and what happens in it. */
export interface LivePart {
  readonly name: string;
  readonly races?: PartPlan['races'];
  run(stage: Stage, crowd: Crowd, request: PartRequest): Promise<void>;
}

const PARTS: readonly LivePart[] = [
  { name: 'streams', run: streams },
  { name: 'reconnects', run: reconnects },
  gatewayKilled,
  redisAway('redis-killed'),
  redisAway('redis-hung'),
  { name: 'sockets', run: sockets },
  staleSessions,
];

export const liveProgress: Scenario = {
  name: 'live_progress',
  goal: 'Whoever watches a batch hears of every change once, in order and soon, over any gateways and through their deaths.',
  method:
    'Watchers write down what they are told while lines are cut, gateways and Redis die; compared with the tables.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) => forEachInstances(request, (workers) => PARTS.map((part) => planOf(part, request, workers))),
};

function planOf({ name, races, run }: LivePart, request: PartRequest, workers: number): PartPlan {
  return {
    name,
    workers,
    gateways: GATEWAYS,
    gatewayEnv: GATEWAY_ENV,
    options: { gateways: GATEWAYS },
    ...(races && { races }),
    run: (stage) => withCrowd(stage, request.seed, (crowd) => run(stage, crowd, request)),
  };
}

/** Each batch is watched on every gateway and through the balancer, and written through all of them at the same time. */
async function streams(stage: Stage, crowd: Crowd, { seed, tier }: PartRequest): Promise<void> {
  const { texts, everyMs } = STREAM[tier];
  stage.beginLoad();
  const owners = await openBatches(stage, crowd, { seed, count: BATCHES, slots: WRITERS * texts + 1 });
  const watchers = owners.flatMap(({ options: { batchId } }) => {
    const onEach = stage.tier.gateways.map((_, index) => crowd.watcher(batchId, () => stage.tier.urlOf(index)));
    return [...onEach, crowd.watcher(batchId, () => stage.tier.url)];
  });
  await untilTold(watchers);
  const reached = new Set(watchers.map(({ gateway }) => stage.tier.nameAt(gateway)));
  const fromMs = Date.now() + WARM_UP_MS;
  await Promise.all(owners.map((owner) => writeTogether(stage, crowd, owner, { texts, everyMs })));
  measureChanges(stage, 'through three gateways', () => ({ fromMs, toMs: Date.now() }));
  stage.findings.check({
    id: 'every-gateway-watched',
    title: 'Through the balancer and past it, watchers came to every gateway',
    verdict: reached.size === GATEWAYS,
    judged: watchers.length,
    message: [...reached].join(', '),
  });
  judgeWithoutStickiness(stage, owners, watchers);
}

/** Through the balancer, and past it to two gateways; the last slot is burnt by a failure. */
async function writeTogether(
  stage: Stage,
  crowd: Crowd,
  owner: HttpUser,
  { texts: count, everyMs }: { readonly texts: number; readonly everyMs: number },
): Promise<void> {
  const { batchId } = owner.options;
  const others = Array.from({ length: WRITERS - 1 }, (_, index) => crowd.user(batchId, stage.tier.urlOf(index)));
  await Promise.all([owner, ...others].map((user) => fill(user, { count, everyMs })));
  await owner.reportFailure(`${owner.options.name} failure`);
}

/** Nobody is bound to a gateway, and nobody needs to be. */
function judgeWithoutStickiness(stage: Stage, owners: readonly HttpUser[], watchers: readonly LiveWatcher[]): void {
  const users = new Set(owners.map(({ options }) => options.name));
  const lost = watchers.filter(({ connectionCount }) => connectionCount !== 1);
  stage.afterwards(async ({ directory }) => {
    const gatewaysOf = new Map<string, Set<string | null>>();
    for await (const record of directory.readClients()) {
      if (record.what !== 'answer' || !users.has(record.client)) continue;
      const gateways = gatewaysOf.get(record.client) ?? new Set();
      gatewaysOf.set(record.client, gateways.add(record.gateway));
    }
    const bound = [...gatewaysOf].filter(([, gateways]) => gateways.size === 1);
    stage.findings.check({
      id: 'not-sticky',
      title: 'Every user was answered by several gateways, and no socket was lost meanwhile',
      verdict: lost.length > 0 ? false : bound.length === 0 ? true : 'unknown',
      judged: users.size + watchers.length,
      message: `${lost.length} sockets were lost; ${bound.length} users met one gateway only`,
    });
  });
}

/** Lines are cut in mid-stream, every other time twice in a row; each connection is to another gateway than the last. */
async function reconnects(stage: Stage, crowd: Crowd, { seed, tier }: PartRequest): Promise<void> {
  const cuts = CUTS[tier];
  const everyMs = 100;
  const slots = (2 * cuts * CUT_EVERY_MS) / everyMs;
  stage.beginLoad();
  const owners = await openBatches(stage, crowd, { seed, count: 3, slots });
  const watchers = owners.flatMap(({ options: { batchId } }) =>
    stage.tier.gateways.map((_, index) => crowd.watcher(batchId, (connection) => stage.tier.urlOf(index + connection))),
  );
  await untilTold(watchers);
  const filling = Promise.all(owners.map((owner) => fill(owner, { count: slots, everyMs })));
  for (let cut = 0; cut < cuts; cut++) {
    await stage.pause(CUT_EVERY_MS);
    for (const watcher of watchers) watcher.cut();
    if (cut % 2 === 0) await cutAgain(stage, watchers);
  }
  await filling;
  judgeResumed(stage);
}

/** As soon as each is back, mostly before it was told anything. */
async function cutAgain(stage: Stage, watchers: readonly LiveWatcher[]): Promise<void> {
  const before = watchers.map(({ connectionCount }) => connectionCount);
  const waiting = new Set(watchers);
  while (waiting.size > 0) {
    await stage.pause(1);
    for (const watcher of waiting) {
      if (watcher.connectionCount === before[watchers.indexOf(watcher)]) continue;
      watcher.cut();
      waiting.delete(watcher);
    }
  }
}

/** A connection that went on where the last one broke, with news: else nothing was shown. */
function judgeResumed(stage: Stage): void {
  stage.afterwards(async ({ directory }) => {
    const state = new Map<string, { hasResumed: boolean; cutsInARow: number }>();
    let resumed = 0;
    let resumedAfterTwo = 0;
    for await (const { what, client, ...rest } of directory.readClients()) {
      const known = state.get(client) ?? { hasResumed: false, cutsInARow: 0 };
      state.set(client, known);
      if (what === 'connected') known.hasResumed = 'after' in rest && rest.after !== null;
      if (what === 'closed') known.cutsInARow++;
      if (what !== 'told') continue;
      if (known.hasResumed) resumed++;
      if (known.hasResumed && known.cutsInARow > 1) resumedAfterTwo++;
      state.set(client, { hasResumed: false, cutsInARow: 0 });
    }
    stage.findings.number('connections that went on in mid-stream', resumed);
    stage.findings.number('of them after two cuts in a row', resumedAfterTwo);
    stage.findings.check({
      id: 'resumed',
      title: 'Watchers came back in mid-stream, also after two cuts in a row, and were told what they had missed',
      verdict: resumed >= RESUMED_MIN && resumedAfterTwo > 0 ? true : 'unknown',
      judged: resumed,
      message: `${resumed} times, ${RESUMED_MIN} are needed; ${resumedAfterTwo} after two cuts`,
    });
  });
}

/** As many sockets as a school has, all of them for the whole load. */
async function sockets(stage: Stage, crowd: Crowd, { seed, tier, durationSeconds }: PartRequest): Promise<void> {
  const { sockets: count } = SOCKETS[tier];
  const seconds = durationSeconds ?? SOCKETS[tier].seconds;
  const slots = seconds * CHANGES_PER_SECOND;
  stage.beginLoad();
  const owners = await openBatches(stage, crowd, { seed, count: BATCHES, slots });
  while (crowd.watchers.length < count) {
    for (let each = 0; each < SOCKETS_AT_ONCE; each++) {
      const batchId = owners[crowd.watchers.length % BATCHES]?.options.batchId ?? '';
      crowd.watcher(batchId, () => stage.tier.url);
    }
    await untilTold(crowd.watchers);
  }
  const fromMs = Date.now() + WARM_UP_MS;
  await Promise.all(owners.map((owner) => fill(owner, { count: slots, everyMs: 1_000 / CHANGES_PER_SECOND })));
  const loaded = { fromMs, toMs: Date.now() };
  measureGateways(stage, loaded);
  measureChanges(stage, `with ${count} sockets`, () => loaded);
  const lost = crowd.watchers.filter(({ connectionCount }) => connectionCount !== 1).length;
  const shares = stage.tier.gateways.map(({ url }) => {
    return crowd.watchers.filter(({ gateway }) => gateway === new URL(url).host).length;
  });
  stage.findings.check({
    id: 'sockets-stayed',
    title: 'Every socket stayed open for the whole load',
    verdict: crowd.watchers.length < count ? 'unknown' : lost === 0,
    judged: crowd.watchers.length,
    message: `${lost} were lost`,
  });
  stage.gate({
    name: 'Largest share of the sockets at one gateway',
    measured: Math.max(...shares) / count,
    target: TARGETS.gatewayShareMax,
    comparison: '<=',
    unit: '',
    source: 'promised to operators',
    note: shares.join(', '),
  });
}

function measureGateways(stage: Stage, window: Window): void {
  const names = new Set(stage.tier.gateways.map(({ name }) => name));
  stage.afterwards(async ({ directory }) => {
    const [busiest, ...others] = (await processShapes(directory, window)).filter(({ name }) => names.has(name));
    const growth = [busiest, ...others].map((each) => each?.rssBytesPerSecond ?? 0);
    stage.findings.number('memory growth of a gateway', (Math.max(...growth) * 60) / 1e6, {
      unit: 'MB/min',
      better: 'lower',
    });
    stage.gate({
      name: 'CPU of the busiest gateway, of a core',
      measured: busiest?.cpu ?? null,
      target: TARGETS.gatewayCpuMax,
      comparison: '<',
      unit: '',
      source: 'promised to operators',
    });
  });
}
