/**
 * Goal: a restart in order is invisible: a worker that is asked to stop does so in time, with exit code 0, and hands
 * over so that nothing it handled is delivered again. Method: SIGTERM to one worker after the other under load, each
 * ready again before the next. The load has no duplicates, so an input that is found handled already was delivered
 * twice. With one worker alone there must be none; with several it is a gate: on a host that is too slow to hand over
 * within a third of a session a few may be, and that is no fault in what becomes of them.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import type { FaultKind } from '../engine/injector-for.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { ScheduledFault } from '../nemesis/schedule.ts';
import { loadNow } from './steps.ts';

const STEP_MS = 5_000;
const FIRST_MS = 1_500;
const DOWN_MS = 500;
const ALONE_STOPS = 2;

export const rollingRestart: Scenario = {
  name: 'rolling_restart',
  goal: 'Workers restarted one by one under load stop in order, and nothing they handled is delivered again.',
  method: 'SIGTERM and start again, one after the other, during a load without duplicates; and one worker alone.',
  defaultInstances: [3],
  parts: (request) => [
    restartPart(request, { name: 'alone', workers: 1, stops: ALONE_STOPS }),
    ...forEachInstances(request, (workers) => {
      const repeats = request.tier === 'quick' ? 1 : 3;
      return [restartPart(request, { name: 'one-by-one', workers, stops: workers * repeats })];
    }),
  ],
};

function restartPart(
  request: PartRequest,
  { name, workers, stops }: { name: string; workers: number; stops: number },
): PartPlan {
  const durationSeconds = request.durationSeconds ?? Math.ceil((FIRST_MS + stops * STEP_MS) / 1_000) + 3;
  const load = {
    ...DEFAULT_LOAD,
    seed: request.seed,
    slots: 15,
    batches: durationSeconds * 14,
    duplicatePercent: 0,
    repeatPercent: 0,
    durationSeconds,
  };
  return {
    name,
    workers,
    options: load,
    // Alone, nobody works while the worker is down; the stop itself meets work.
    races: { faultsMetWork: workers === 1 ? 1 : stops },
    run: async (stage) => {
      await stage.startWorkers();
      const faults = Array.from({ length: stops }, (_, index): ScheduledFault<FaultKind> => {
        return { kind: 'worker-stop', atMs: FIRST_MS + index * STEP_MS, holdMs: DOWN_MS, target: index };
      });
      await stage.sendUnderFaults(loadNow(load), faults);
      await stage.quiesce();
      await stage.readWorkers();
      const again = stage.deps.sampler.readings.sum('els_inputs_total', 'disposition="duplicate"');
      stage.findings.number('deliveredAgain', again, { unit: 'inputs', better: 'lower' });
      if (workers > 1) {
        stage.gate({
          name: 'Inputs delivered again by planned restarts',
          measured: again,
          target: TARGETS.redeliveriesByPlannedRestartMax,
          comparison: '=',
          unit: 'inputs',
          source: 'aimed at: a rebalance waits for what is under way',
          note: `${stops} restarts`,
        });
        return;
      }
      stage.findings.check({
        id: 'handover',
        title: 'Nothing that was handled is delivered again after a stop in order',
        verdict: again === 0,
        judged: stops,
        message: `${again} inputs of a load without duplicates were found handled already`,
      });
    },
  };
}
