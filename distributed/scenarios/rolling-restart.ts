/**
 * Goal: a rolling restart is invisible: every worker stops in time with exit code 0 and hands over so that nothing is
 * handled twice. Method: SIGTERM to one worker after the other under load, each started again before the next; the load
 * has no duplicates, so every input that is found handled already was delivered twice.
 */
import type { FaultKind } from '../engine/injector-for.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { ScheduledFault } from '../nemesis/schedule.ts';
import { forEachInstances, type Scenario } from './scenario.ts';
import { loadNow } from './steps.ts';

const STEP_MS = 5_000;
const DOWN_MS = 500;

export const rollingRestart: Scenario = {
  name: 'rolling_restart',
  goal: 'Workers restarted one by one under load stop in order and nothing is delivered twice.',
  method: 'SIGTERM and start again, one after the other, during a load without duplicates.',
  defaultInstances: [3],
  parts: (request) =>
    forEachInstances(request, (workers) => {
      const rounds = request.tier === 'quick' ? 1 : 3;
      const durationSeconds = request.durationSeconds ?? Math.round((workers * rounds * STEP_MS) / 1_000) + 5;
      const load = {
        ...DEFAULT_LOAD,
        seed: request.seed,
        slots: 15,
        batches: durationSeconds * 14,
        duplicatePercent: 0,
        repeatPercent: 0,
        durationSeconds,
      };
      return [
        {
          name: 'one-by-one',
          workers,
          options: load,
          races: { faultsMetWork: workers },
          run: async (stage) => {
            await stage.startWorkers();
            const faults = Array.from({ length: workers * rounds }, (_, index): ScheduledFault<FaultKind> => {
              return { kind: 'worker-stop', atMs: 1_500 + index * STEP_MS, holdMs: DOWN_MS, target: index };
            });
            await stage.sendUnderFaults(loadNow(load), faults);
            await stage.quiesce();
            await stage.readWorkers();
            const redelivered = stage.deps.sampler.readings.sum('els_inputs_total', 'disposition="duplicate"');
            stage.findings.check({
              id: 'handover',
              title: 'Nothing is delivered twice in a clean stop',
              verdict: redelivered === 0,
              judged: workers * rounds,
              message: `${redelivered} inputs of a load without duplicates were found handled already`,
            });
          },
        },
      ];
    }),
};
