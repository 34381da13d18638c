/** What the scenarios of the gateways have in common: who uses them, how they fill batches, when they go home. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { TARGETS } from '../../artefacts/targets.ts';
import { Crowd } from '../clients/crowd.ts';
import type { HttpUser } from '../clients/http-user.ts';
import type { LiveWatcher } from '../clients/live-watcher.ts';
import { withClient } from '../cluster/databases.ts';
import { changeLatencies, type Window } from '../engine/measure/client-latencies.ts';
import { percentileOf } from '../engine/measure/latencies.ts';
import type { Stage } from '../engine/stage.ts';
import { SeededRandom, seededUuid } from '../generator/seeded-random.ts';
import type { LatencyRecorder } from '../run/latency-log.ts';
import type { Server } from '../stack/process/server.ts';
import { until } from '../stack/process/until.ts';
import type { ServerKind } from '../stack/servers/external.ts';

export const GATEWAYS = 3;
/** What is measured is not how many reads they let through. */
export const GATEWAY_ENV = { HTTP_READS_PER_SECOND_MAX: '10000' };
/** Streams of the seed: 0 and up are batches. */
const CROWD_STREAM = 0x7f00_0002;
/** For everybody to hear of the last change: a poll comes every second, and who was cut off has to come back. */
const HEARD_MS_MAX = 20_000;
const POLL_MS = 100;

/**
 * Everything up, people come and do their work; when all is at rest and everybody has heard of it, they leave. However the
 * work ends, nobody stays.
 */
export async function withCrowd(stage: Stage, seed: number, work: (crowd: Crowd) => Promise<void>): Promise<void> {
  const { journal } = stage.deps;
  // Everybody who waits listens to it.
  setMaxListeners(0, stage.signal);
  const random = new SeededRandom(seed, CROWD_STREAM);
  const crowd = new Crowd({ note: (...what) => journal.clients.note(...what), signal: stage.signal, random });
  let atRest = false;
  try {
    await stage.startAll();
    await work(crowd);
    await stage.quiesce();
    // Whoever has not is found by the judge.
    await untilHeard(stage, crowd.watchers).catch((error: Error) => stage.note(error.message));
    atRest = true;
  } finally {
    await crowd.leave({ atRest });
  }
}

/** Registers so many batches through the balancer, each by a user of its own. */
export async function openBatches(
  stage: Stage,
  crowd: Crowd,
  { seed, count, slots }: { readonly seed: number; readonly count: number; readonly slots: number },
): Promise<readonly HttpUser[]> {
  const users = Array.from({ length: count }, (_, batchIndex) => {
    return crowd.user(seededUuid({ seed, kind: 'batch', batchIndex, index: 0, copy: 0 }), stage.tier.url);
  });
  await Promise.all(users.map((user) => user.register(slots)));
  return users;
}

/** Each watcher has the state of its batch. */
export async function untilTold(watchers: readonly LiveWatcher[]): Promise<void> {
  const isTold = async () => watchers.every(({ version }) => version !== null);
  await until(isTold, new Error('not every watcher got a snapshot'), { limitMs: HEARD_MS_MAX, intervalMs: POLL_MS });
}

async function untilHeard(stage: Stage, watchers: readonly LiveWatcher[]): Promise<void> {
  if (watchers.length === 0) return;
  const versions = await withClient(stage.deps.sandbox.addresses.databaseUrl, 'harness', async (client) => {
    const { rows } = await client.query<{ id: string; version: number }>('select id, version::int from batches');
    return new Map(rows.map(({ id, version }) => [id, version]));
  });
  const hasHeard = ({ version, options }: LiveWatcher) => version === (versions.get(options.batchId) ?? null);
  const wait = { limitMs: HEARD_MS_MAX, intervalMs: POLL_MS };
  await until(async () => watchers.every(hasHeard), new Error('not every watcher heard of everything'), wait);
}

/** A user's texts, one after the other, none before its time; who was held up hurries. */
export async function fill(
  user: HttpUser,
  { count, everyMs, isKeyed = true }: { readonly count: number; readonly everyMs: number; readonly isKeyed?: boolean },
): Promise<void> {
  const { name, signal, phase } = user.options;
  const startedAtMs = performance.now() + phase * everyMs;
  for (let text = 0; text < count; text++) {
    const waitMs = startedAtMs + text * everyMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    await user.upload(`${name} text ${text}`, isKeyed);
  }
}

/** In the end: how late watchers heard of the changes of a time, and that it was soon enough. */
export function measureChanges(stage: Stage, when: string, windowOf: () => Window): void {
  stage.afterwards(async ({ directory }) => {
    const latencies = await changeLatencies(directory, windowOf());
    noteShape(stage, `change to client ${when}`, latencies);
    stage.gate({
      name: `From the change of a batch to its watchers ${when}, P99`,
      measured: secondsAt(latencies, 99),
      target: TARGETS.liveChangeP99SecondsMax,
      comparison: '<',
      unit: 's',
      source: 'promised to users',
      note: `${latencies.total().totalCount} changes told`,
    });
  });
}

/** Of what changed while nobody could ring. */
export function measurePolling(stage: Stage, away: Window): void {
  stage.afterwards(async ({ directory }) => {
    const latencies = await changeLatencies(directory, away);
    noteShape(stage, 'change to client without Redis', latencies);
    stage.gate({
      name: 'From the change of a batch to its watchers without Redis, P99',
      measured: secondsAt(latencies, 99),
      target: TARGETS.liveChangePolledP99SecondsMax,
      comparison: '<',
      unit: 's',
      source: 'promised to users',
      note: `${latencies.total().totalCount} changes told`,
    });
  });
}

/** Null where nothing was recorded. */
export function secondsAt(latencies: LatencyRecorder, percentile: number): number | null {
  const milliseconds = percentileOf(latencies, percentile);
  return milliseconds === null ? null : milliseconds / 1_000;
}

export function noteShape(stage: Stage, name: string, latencies: LatencyRecorder): void {
  for (const percentile of [50, 95, 99]) {
    const value = percentileOf(latencies, percentile);
    stage.findings.number(`${name}, P${percentile}`, value, { unit: 'ms', better: 'lower' });
  }
}

export function serverNamed(stage: Stage, kind: ServerKind): Server {
  const server = stage.deps.stack.servers.find(({ name }) => name.startsWith(kind));
  if (server === undefined) throw new Error(`${kind} is not ours to break`);
  return server;
}

export function recoveryGate(stage: Stage, name: string, tookMs: number): void {
  const target = TARGETS.recoverySecondsMax;
  stage.gate({ name, measured: tookMs / 1_000, target, comparison: '<=', unit: 's', source: 'aimed at' });
}
