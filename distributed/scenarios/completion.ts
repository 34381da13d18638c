/**
 * Goal: a batch completes exactly once, in the transaction that fills or burns its last slot, and its completion lists
 * exactly the slots filled then. Method: many small batches whose last slots are taken by different instances at almost
 * the same moment, with failed files among them that count towards completion, and one large batch.
 */
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { loadNow } from './steps.ts';

export const completion: Scenario = {
  name: 'completion',
  goal: 'A batch is announced complete exactly once, with exactly the slots that were filled.',
  method: 'Small batches whose last slots are taken by different instances at once, failures included; a large batch.',
  defaultInstances: [3],
  parts: ({ seed, tier, ...request }) => {
    const isQuick = tier === 'quick';
    const small = {
      ...DEFAULT_LOAD,
      seed,
      batches: isQuick ? 250 : 2_500,
      slots: 4,
      duplicatePercent: 20,
      failurePercent: 25,
      excessPercent: 25,
      batchesInFlight: 10,
    };
    const large = { ...DEFAULT_LOAD, seed: seed + 1, batches: isQuick ? 1 : 4, slots: isQuick ? 3_000 : 10_000 };
    return forEachInstances({ seed, tier, ...request }, (workers) => [
      {
        name: 'last-slots',
        workers,
        env: { GROUP_SIZE_MAX: '10', GROUPS_IN_FLIGHT_MAX: '4', DATABASE_POOL_MAX: '6' },
        options: { small, large },
        races: { sharedBatches: 20, closeFinishes: 10 },
        run: async (stage) => {
          await stage.startWorkers();
          stage.beginLoad();
          await stage.send(loadNow(small));
          await stage.send(loadNow(large));
          await stage.quiesce();
        },
      },
    ]);
  },
};
