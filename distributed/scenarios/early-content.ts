/**
 * Goal: nothing stays pending once its batch is registered, whatever comes first. Method: most contents and failures
 * are sent before the registration of their batch or at the same time, registrations are repeated, some ask for other
 * slots.
 */
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { loadNow, sendAndSettle } from './steps.ts';

export const earlyContent: Scenario = {
  name: 'early_content',
  goal: 'Inputs that come before their registration get their fate with it; none is left behind.',
  method: 'Most inputs early, batches small and mixed, registrations repeated and contradicted.',
  defaultInstances: [3],
  parts: (request) => {
    const load = {
      ...DEFAULT_LOAD,
      seed: request.seed,
      batches: request.tier === 'quick' ? 250 : 2_500,
      slots: 8,
      earlyPercent: 70,
      duplicatePercent: 40,
      excessPercent: 40,
      failurePercent: 15,
      repeatPercent: 40,
      conflictPercent: 15,
      incompletePercent: 10,
    };
    return forEachInstances(request, (workers) => [
      {
        name: 'before-registration',
        workers,
        env: { GROUP_SIZE_MAX: '50' },
        options: load,
        races: { drainedInputs: 200, sharedBatches: 20 },
        run: (stage) => sendAndSettle(stage, loadNow(load)),
      },
    ]);
  },
};
