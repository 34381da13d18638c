/**
 * Goal: a load that goes on leaves nothing behind: memory does not grow with time. Method: a steady rate over the whole
 * duration; a straight line through each worker's memory over the second half, by least squares.
 */
import { percentileOf } from '../engine/measure/latencies.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { gateMemory } from './growth.ts';
import { loadNow } from './steps.ts';

export const sustained: Scenario = {
  name: 'sustained',
  goal: 'Memory of the workers does not grow while the load goes on, and latency stays.',
  method: 'A steady rate over --duration; slope of memory over the second half.',
  defaultInstances: [3],
  parts: (request) => {
    const durationSeconds = request.durationSeconds ?? (request.tier === 'quick' ? 15 : 600);
    const load = { ...DEFAULT_LOAD, seed: request.seed, slots: 15, ratePerSecond: 250, durationSeconds };
    return forEachInstances(request, (workers) => [
      {
        name: 'steady',
        workers,
        options: load,
        run: async (stage) => {
          await stage.startWorkers();
          stage.beginLoad();
          const fromMs = Date.now();
          await stage.send(loadNow(load));
          const toMs = Date.now();
          await stage.quiesce();
          stage.afterwards(async ({ directory, latencies }) => {
            await gateMemory(stage, directory, { fromMs: (fromMs + toMs) / 2, toMs });
            stage.findings.number('completionP99Ms', percentileOf(latencies.completion, 99), {
              unit: 'ms',
              better: 'lower',
            });
          });
        },
      },
    ]);
  },
};
