/**
 * Workers that end themselves, each at a step of its work that was chosen for it, in waves: one after the other while
 * those before are still away, until none is left; then all are started again. So what one leaves behind is met by
 * another, and in the end by who comes anew.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { PositionWatch } from '../engine/measure/position-watch.ts';
import type { PartPlan, PartRequest } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { type CrashPoint, workerEndedAt } from '../nemesis/crash-points.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { readDoubled, readResumption } from './resumption.ts';
import { loadNow, sendWhile, stampByBroker } from './steps.ts';

const PARTITIONS = 6;
/** Short, so that others take over soon; it must outlast what limits a transaction. */
const SESSION_MS = 7_000;
const LEASE_MS = 6_000;
const LOAD_SECONDS = 4;
const RATE_PER_SECOND = 120;
/** Longest from the first copy of an event to the end of its publisher for that to be why there is a second one. */
const UNDER_WAY_MS = 2_000;
const ENDED_MS = 500;
const GOES_ON_MS_MAX = 60_000;
const ROUNDS = { quick: 1, full: 3 } as const;

/** The points of one wave, at most as many as there are workers. */
export type Wave = readonly CrashPoint[];

export function inWaves(points: readonly CrashPoint[], workers: number): readonly Wave[] {
  const count = Math.ceil(points.length / workers);
  return Array.from({ length: count }, (_, wave) => points.slice(wave * workers, (wave + 1) * workers));
}

export interface EndedWorkers {
  readonly name: string;
  readonly workers: number;
  readonly waves: readonly Wave[];
}

export function endedWorkersPart(request: PartRequest, { name, workers, waves }: EndedWorkers): PartPlan {
  const load = {
    ...DEFAULT_LOAD,
    seed: request.seed,
    slots: 15,
    // Registrations that are refused become dead letters, which are a step too.
    conflictPercent: 30,
    ratePerSecond: RATE_PER_SECOND,
    durationSeconds: LOAD_SECONDS,
  };
  const rounds = Array.from({ length: ROUNDS[request.tier] }, () => waves).flat();
  return {
    name,
    workers,
    endsWorkers: true,
    env: { KAFKA_SESSION_TIMEOUT_MS: `${SESSION_MS}`, OUTBOX_LEASE_MS: `${LEASE_MS}` },
    options: { ...load, waves: rounds },
    races: { faultsMetWork: Math.ceil(rounds.flat().length / 2), relayTakeovers: 1 },
    run: async (stage) => {
      await stampByBroker(stage, PARTITIONS);
      await stage.startWorkers();
      stage.beginLoad();
      const positions = PositionWatch.begin(stage.deps.sandbox.addresses.databaseUrl);
      try {
        const loadOf = (send: number) => loadNow({ ...load, seed: load.seed + send });
        const ends = await sendWhile(stage, loadOf, () => endInWaves(stage, positions, rounds));
        await stage.quiesce();
        stage.afterwards(({ directory }) => judge(stage, { directory, positions, ends }));
      } finally {
        await positions.end();
      }
    },
  };
}

/** When workers ended, by wave. */
type Ends = readonly (readonly number[])[];

/** The next wave comes when the last one is over: then what it took is its own. */
async function endInWaves(stage: Stage, positions: PositionWatch, waves: readonly Wave[]): Promise<Ends> {
  const ends: number[][] = [];
  for (const wave of waves) {
    const ofWave: number[] = [];
    await endOneByOne(stage, wave, ofWave);
    await positions.untilAllMove(stage.deps.sandbox.topics.content, GOES_ON_MS_MAX);
    ends.push(ofWave);
  }
  return ends;
}

async function endOneByOne(stage: Stage, [point, ...later]: Wave, ends: number[]): Promise<void> {
  const worker = stage.deps.cluster.workers[ends.length];
  if (point === undefined || worker === undefined) return;
  await stage.whileBroken(workerEndedAt(point, worker, stage.deps.directory.file('logs')), () => {
    ends.push(Date.now());
    return endOneByOne(stage, later, ends);
  });
}

interface Found {
  readonly directory: RunDirectory;
  readonly positions: PositionWatch;
  readonly ends: Ends;
}

async function judge(stage: Stage, { directory, positions, ends }: Found): Promise<void> {
  const { topics } = stage.deps.sandbox;
  let slowestMs = 0;
  for (const ofWave of ends) {
    const [brokenAtMs = 0, fromMs = brokenAtMs] = [ofWave[0], ofWave.at(-1)];
    const { consumed, published } = await readResumption(directory, topics, positions, { brokenAtMs, fromMs });
    slowestMs = Math.max(slowestMs, consumed.afterMs, published.afterMs);
  }
  stage.findings.number('ends of workers', ends.flat().length);
  stage.gate({
    name: 'From the last end of a wave until every partition goes on',
    measured: slowestMs / 1_000,
    target: TARGETS.takeoverSecondsMax,
    comparison: '<=',
    unit: 's',
    source: `aimed at: a session of ${SESSION_MS / 1_000} s ends first`,
    note: `the longest of ${ends.length} waves`,
  });
  const wrong = ends.flat().map((atMs) => ({ fromMs: atMs - UNDER_WAY_MS, untilMs: atMs + ENDED_MS }));
  const { events, doubled, needless } = await readDoubled(directory, wrong);
  stage.findings.number('events published twice', doubled, { unit: 'events', better: 'lower' });
  stage.findings.check({
    id: 'twice',
    title: 'Only events that were under way when a worker ended were published twice',
    verdict: needless === 0,
    judged: events,
    message: `${needless} events were published again although nobody ended when they were first`,
  });
}
