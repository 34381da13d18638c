/**
 * Goal: a process or a server that dies loses nothing and doubles nothing. Method: workers are killed (SIGKILL) at
 * random moments of a steady load and started again; then the servers: sessions ended, PostgreSQL and Kafka restarted.
 */
import type { FaultKind } from '../engine/injector-for.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { oneOfEach, planFaults } from '../nemesis/schedule.ts';
import { SERVER_FAULTS } from '../nemesis/server-faults.ts';
import { loadNow } from './steps.ts';

export const crash: Scenario = {
  name: 'crash',
  goal: 'Workers and servers may die at any moment: nothing is lost, nothing happens twice.',
  method: 'SIGKILL and restart at random during a steady load; sessions ended, PostgreSQL and Kafka restarted.',
  defaultInstances: [3],
  parts: (request) => {
    const durationSeconds = request.durationSeconds ?? (request.tier === 'quick' ? 18 : 90);
    const endMs = durationSeconds * 1_000;
    const load = { ...DEFAULT_LOAD, slots: 15, batches: Math.round(durationSeconds * 14), durationSeconds };
    return forEachInstances(request, (workers) => [
      {
        name: 'workers',
        workers,
        options: { ...load, faults: ['worker-kill'] },
        races: { faultsMetWork: 1, rebalances: 1 },
        run: async (stage) => {
          await stage.startWorkers();
          const faults = planFaults<FaultKind>({
            seed: request.seed,
            kinds: ['worker-kill'],
            fromMs: 2_000,
            untilMs: endMs,
            holdMsMin: 300,
            holdMsMax: 1_500,
            gapMsMin: 1_000,
            gapMsMax: 4_000,
            targets: workers,
          });
          await stage.sendUnderFaults(loadNow({ ...load, seed: request.seed }), faults);
          await stage.quiesce();
        },
      },
      {
        name: 'servers',
        workers,
        options: { ...load, faults: SERVER_FAULTS },
        races: { faultsMetWork: 1 },
        run: async (stage) => {
          await stage.startWorkers();
          const seed = request.seed + 1;
          const schedule = { seed, kinds: SERVER_FAULTS, fromMs: 1_500, untilMs: endMs, targets: 3, holdMs: 1_500 };
          await stage.sendUnderFaults(loadNow({ ...load, seed }), oneOfEach<FaultKind>(schedule));
          await stage.quiesce();
        },
      },
    ]);
  },
};
