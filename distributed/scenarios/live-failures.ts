/** The parts of live progress in which something dies: a gateway, Redis, or clients without a word. */
import { TARGETS } from '../../artefacts/targets.ts';
import type { Crowd } from '../clients/crowd.ts';
import type { HttpUser } from '../clients/http-user.ts';
import type { LiveWatcher } from '../clients/live-watcher.ts';
import type { PartPlan, PartRequest } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { serverFrozen, serversKilled } from '../nemesis/server-faults.ts';
import { workerInjector } from '../nemesis/worker-faults.ts';
import { until } from '../stack/process/until.ts';
import {
  fill,
  measureChanges,
  measurePolling,
  openBatches,
  recoveryGate,
  serverNamed,
  untilTold,
} from './gateway-steps.ts';

const BATCHES = 3;
const WATCHERS_OF_BATCH = 6;
const EVERY_MS = 200;
const BEFORE_MS = 4_000;
const HOLD_MS = { quick: 6_000, full: 30_000 };
/** Promised is that it works as before so long after the return. */
const RETURN_MS = TARGETS.recoverySecondsMax * 1_000;
const AFTER_MS = RETURN_MS + 5_000;
const WAIT_MS_MAX = 60_000;
const POLL_MS = 50;
const NEWCOMER_EVERY_MS = 500;
const SILENT = 5;

interface LiveFailure {
  readonly name: string;
  readonly races?: PartPlan['races'];
  run(stage: Stage, crowd: Crowd, request: PartRequest): Promise<void>;
}

interface Watched {
  readonly watchers: readonly LiveWatcher[];
  readonly filling: Promise<unknown>;
}

/** Batches that fill for as long as was asked, each watched through the balancer. */
async function watchedBatches(stage: Stage, crowd: Crowd, seed: number, lastsMs: number): Promise<Watched> {
  const count = Math.ceil(lastsMs / EVERY_MS);
  stage.beginLoad();
  const owners = await openBatches(stage, crowd, { seed, count: BATCHES, slots: count });
  const watchers = owners.flatMap(({ options: { batchId } }) => {
    return Array.from({ length: WATCHERS_OF_BATCH }, () => crowd.watcher(batchId, () => stage.tier.url));
  });
  await untilTold(watchers);
  return { watchers, filling: Promise.all(owners.map((owner: HttpUser) => fill(owner, { count, everyMs: EVERY_MS }))) };
}

export const gatewayKilled: LiveFailure = {
  name: 'gateway-killed',
  races: { faultsMetWork: 1 },
  async run(stage, crowd, { seed, tier }) {
    const holdMs = HOLD_MS[tier];
    const { watchers, filling } = await watchedBatches(stage, crowd, seed, BEFORE_MS + holdMs + AFTER_MS);
    await stage.pause(BEFORE_MS);
    const [victim] = stage.tier.gateways;
    if (victim === undefined) throw new Error('there is no gateway');
    const isAtVictim = ({ gateway }: LiveWatcher) => stage.tier.nameAt(gateway) === victim.name;
    const hit = watchers.filter(isAtVictim);
    await stage.whileBroken(workerInjector('worker-kill', victim), async () => {
      const killedAtMs = performance.now();
      const areBack = async () => hit.every(({ isConnected, connectionCount }) => isConnected && connectionCount > 1);
      const failure = new Error('not everybody came back to another gateway');
      await until(areBack, failure, { limitMs: WAIT_MS_MAX, intervalMs: POLL_MS });
      recoveryGate(
        stage,
        'From the death of a gateway until its watchers are at others',
        performance.now() - killedAtMs,
      );
      await stage.pause(holdMs);
    });
    const returnedAtMs = performance.now();
    await stage.tier.waitReady();
    await untilUsed(stage, crowd, watchers, victim.name);
    recoveryGate(
      stage,
      'From the restart of the gateway until somebody watches at it',
      performance.now() - returnedAtMs,
    );
    await filling;
    const others = watchers.filter((watcher) => !hit.includes(watcher));
    const lost = others.filter(({ connectionCount }) => connectionCount !== 1).length;
    stage.findings.check({
      id: 'others-unaffected',
      title: 'Watchers at the other gateways kept their connections',
      verdict: hit.length === 0 ? 'unknown' : lost === 0,
      judged: others.length,
      message: `${lost} of ${others.length} lost theirs; ${hit.length} were at the one that died`,
    });
  },
};

/** Newcomers come one after the other; those that are there stay where they are. */
async function untilUsed(stage: Stage, crowd: Crowd, watchers: readonly LiveWatcher[], name: string): Promise<void> {
  const batchIds = watchers.map(({ options }) => options.batchId);
  const newcomers: LiveWatcher[] = [];
  const isUsed = async () => {
    const isAtIt = newcomers.some(({ gateway }) => stage.tier.nameAt(gateway) === name);
    const batchId = batchIds[newcomers.length % batchIds.length] ?? '';
    if (!isAtIt) newcomers.push(crowd.watcher(batchId, () => stage.tier.url));
    return isAtIt;
  };
  const failure = new Error('nobody came to the gateway that returned');
  await until(isUsed, failure, { limitMs: WAIT_MS_MAX, intervalMs: NEWCOMER_EVERY_MS });
}

/** The doorbell is silent, so progress is found by polling; once it rings again, all is as before. */
export function redisAway(name: 'redis-killed' | 'redis-hung'): LiveFailure {
  return {
    name,
    races: { faultsMetWork: 1 },
    async run(stage, crowd, { seed, tier }) {
      const holdMs = HOLD_MS[tier];
      const { filling } = await watchedBatches(stage, crowd, seed, BEFORE_MS + holdMs + AFTER_MS);
      await stage.pause(BEFORE_MS);
      const redis = serverNamed(stage, 'redis');
      const away = { fromMs: Date.now(), toMs: 0 };
      await stage.whileBroken(name === 'redis-hung' ? serverFrozen(redis) : serversKilled([redis]), async () => {
        await stage.pause(holdMs);
        away.toMs = Date.now();
      });
      const backAtMs = Date.now();
      await filling;
      measurePolling(stage, away);
      measureChanges(stage, 'once Redis is back', () => ({ fromMs: backAtMs + RETURN_MS, toMs: Date.now() }));
    },
  };
}

/** Clients that vanish without a word, and a gateway that does. */
export const staleSessions: LiveFailure = {
  name: 'stale-sessions',
  async run(stage, crowd, { seed }) {
    stage.beginLoad();
    const [owner] = await openBatches(stage, crowd, { seed, count: 1, slots: 20 });
    if (owner === undefined) throw new Error('nobody came');
    const [gateway, other] = stage.tier.gateways;
    if (gateway === undefined || other === undefined) throw new Error('there are no gateways');
    const watchAt = (isSilent: boolean) =>
      crowd.watcher(owner.options.batchId, () => gateway.url, isSilent ? { answersPings: false, returns: false } : {});
    const present = Array.from({ length: SILENT }, () => watchAt(false));
    const silent = Array.from({ length: SILENT }, () => watchAt(true));
    await untilTold([...present, ...silent]);
    await fill(owner, { count: 20, everyMs: 20 });
    const bySelf = stage.whileBroken(workerInjector('worker-kill', other), async () => {
      const tookMs = await untilSo(async () => !(await gatewaysKnown(gateway.url)).includes(other.name));
      staleGate(stage, 'From the death of a gateway until no other lists it', tookMs);
    });
    const tookMs = await untilSo(async () => silent.every(({ isConnected }) => !isConnected));
    staleGate(stage, 'From the last word of a client until its connection is gone', tookMs);
    const counted = /^els_live_connections(?:\{[^}]*\})? (\d+)/m.exec((await gateway.get('/metrics')) ?? '')?.[1];
    await bySelf;
    await stage.tier.waitReady();
    stage.findings.check({
      id: 'only-stale-gone',
      title: 'Who answers stays, and the gateway counts nobody else',
      verdict: present.every(({ connectionCount }) => connectionCount === 1) && Number(counted) === present.length,
      judged: present.length + silent.length,
      message: `it counts ${counted ?? 'nothing'} connections, ${present.length} are there`,
    });
  },
};

/** How long it took. */
async function untilSo(isSo: () => Promise<boolean>): Promise<number> {
  const startedAtMs = performance.now();
  await until(isSo, new Error('it stayed for too long'), { limitMs: 2 * WAIT_MS_MAX, intervalMs: POLL_MS });
  return performance.now() - startedAtMs;
}

async function gatewaysKnown(url: string): Promise<string[]> {
  const response = await fetch(`${url}/v1/gateways`);
  const body = (await response.json()) as { gateways?: { instance: string }[] };
  return (body.gateways ?? []).map(({ instance }) => instance);
}

function staleGate(stage: Stage, name: string, tookMs: number): void {
  const target = TARGETS.staleSessionSecondsMax;
  stage.gate({ name, measured: tookMs / 1_000, target, comparison: '<', unit: 's', source: 'promised to operators' });
}
