/**
 * Goal: whatever comes again changes nothing. Method: every input several times, near its original and long after the
 * batch is complete, under its own event id and under new ones; then the whole of all topics a second time, with the
 * tables compared row for row.
 */
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { loadNow } from './steps.ts';

export const idempotency: Scenario = {
  name: 'idempotency',
  goal: 'What comes again changes nothing, even when everything comes again.',
  method: 'Copies of every input near and far, then all offsets back to the beginning and everything read once more.',
  defaultInstances: [3],
  parts: (request) => {
    const load = {
      ...DEFAULT_LOAD,
      seed: request.seed,
      batches: request.tier === 'quick' ? 80 : 800,
      duplicatePercent: 250,
      farDuplicatePercent: 70,
      repeatPercent: 40,
      conflictPercent: 5,
      incompletePercent: 10,
    };
    return forEachInstances(request, (workers) => [
      {
        name: 'replay',
        workers,
        options: load,
        races: { repeatedContents: 500, redeliveries: 500 },
        run: async (stage) => {
          await stage.startWorkers();
          stage.beginLoad();
          await stage.send(loadNow(load));
          await stage.quiesce();
          await stage.replay();
        },
      },
    ]);
  },
};
