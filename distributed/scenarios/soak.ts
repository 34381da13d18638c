/**
 * Goal: a service that runs for long, with servers that come and go, keeps nothing it does not need: memory, open files,
 * sockets, sessions with PostgreSQL do not grow. Method: a steady rate over --duration, during which sessions are ended
 * and each server is restarted again and again, so that every connection is made anew many times.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import type { FaultKind } from '../engine/injector-for.ts';
import { SessionWatch } from '../engine/measure/session-watch.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { planFaults } from '../nemesis/schedule.ts';
import { SERVER_FAULTS } from '../nemesis/server-faults.ts';
import { gateMemory, gateOpenFiles } from './growth.ts';
import { loadNow } from './steps.ts';

const RATE_PER_SECOND = 150;
const KINDS: readonly FaultKind[] = [...SERVER_FAULTS, 'redis-kill'];
const QUIET_MS = 10_000;

export const soak: Scenario = {
  name: 'soak',
  goal: 'What runs for long, while servers come and go, does not grow: memory, open files, sockets, sessions.',
  method: 'A steady rate over --duration (full tier: an hour), each server restarted again and again.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) => forEachInstances(request, (workers) => [part(request, workers)]),
};

function part(request: PartRequest, workers: number): PartPlan {
  const durationSeconds = request.durationSeconds ?? (request.tier === 'quick' ? 120 : 3_600);
  const load = { ...DEFAULT_LOAD, seed: request.seed, slots: 15, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  const faults = planFaults<FaultKind>({
    seed: request.seed,
    kinds: KINDS,
    fromMs: QUIET_MS,
    untilMs: durationSeconds * 1_000 - QUIET_MS,
    holdMsMin: 500,
    holdMsMax: 2_000,
    gapMsMin: 3_000,
    gapMsMax: 8_000,
    targets: 1,
  });
  return {
    name: 'restarts',
    workers,
    options: { ...load, faults: KINDS },
    races: { faultsMetWork: Math.floor(faults.length / 2) },
    run: async (stage) => {
      await stage.startWorkers();
      const fromMs = Date.now();
      await stage.sendUnderFaults(loadNow(load), faults);
      const toMs = Date.now();
      await stage.quiesce();
      await judgeSessions(stage, workers);
      stage.afterwards(async ({ directory }) => {
        await gateMemory(stage, directory, { fromMs: (fromMs + toMs) / 2, toMs });
        await gateOpenFiles(stage, directory, { fromMs, toMs });
      });
    },
  };
}

async function judgeSessions(stage: Stage, workers: number): Promise<void> {
  const watch = await SessionWatch.begin(stage.deps.sandbox.addresses.databaseUrl);
  try {
    const { sessions } = await watch.look();
    stage.gate({
      name: 'Sessions with PostgreSQL of a worker in the end',
      measured: sessions / workers,
      target: TARGETS.sessionsOfWorkerMax,
      comparison: '<=',
      unit: 'sessions',
      source: 'promised: the pool, and six more',
    });
  } finally {
    await watch.end();
  }
}
