/**
 * Goal: a file that did not validate burns one open slot and counts towards completion; more failures than slots burn
 * nothing. Method: batches where most files fail and contents race with failures for the slots, and batches where all
 * fail.
 */
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { loadNow } from './steps.ts';

export const validationFailures: Scenario = {
  name: 'validation_failures',
  goal: 'A failed file burns exactly one slot, or none when none is open, and completes its batch like a content.',
  method: 'Batches with most files failed, contents and failures racing for the slots, and batches where all fail.',
  defaultInstances: [3],
  parts: (request) => {
    const batches = request.tier === 'quick' ? 150 : 1_500;
    const base = { ...DEFAULT_LOAD, batches, slots: 8, duplicatePercent: 60, earlyPercent: 20 };
    const most = { ...base, seed: request.seed, failurePercent: 60, excessPercent: 60 };
    const all = { ...base, seed: request.seed + 1, failurePercent: 100, excessPercent: 0, batches: batches / 3 };
    return forEachInstances(request, (workers) => [
      {
        name: 'most-and-all',
        workers,
        env: { GROUP_SIZE_MAX: '20', GROUPS_IN_FLIGHT_MAX: '4', DATABASE_POOL_MAX: '6' },
        options: { most, all },
        races: { sharedBatches: 20, busyBatches: 10 },
        run: async (stage) => {
          await stage.startWorkers();
          stage.beginLoad();
          await stage.send(loadNow(most));
          await stage.send(loadNow(all));
          await stage.quiesce();
        },
      },
    ]);
  },
};
