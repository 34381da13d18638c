/**
 * Goal: a worker that is frozen beyond its Kafka session, its transactions open, blocks nobody, and does no harm when
 * it wakes. Method: one worker is stopped (SIGSTOP) in mid-load for longer than its session and then goes on (SIGCONT),
 * while the others take over its partitions.
 */
import type { FaultKind } from '../engine/injector-for.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { ScheduledFault } from '../nemesis/schedule.ts';
import { loadNow } from './steps.ts';

const SESSION_MS = 7_000;
const PAUSE_MS = 10_000;

export const zombie: Scenario = {
  name: 'zombie',
  goal: 'A worker frozen beyond its session blocks nobody and harms nothing when it wakes.',
  method: 'SIGSTOP for longer than the Kafka session in mid-load, then SIGCONT.',
  defaultInstances: [3],
  parts: (request) => {
    const pauses = request.tier === 'quick' ? 1 : 3;
    const durationSeconds = request.durationSeconds ?? 4 + pauses * 13;
    const load = { ...DEFAULT_LOAD, seed: request.seed, slots: 15, batches: durationSeconds * 14, durationSeconds };
    return forEachInstances(request, (workers) => [
      {
        name: 'frozen',
        workers,
        env: { KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS) },
        exitsAllowed: true,
        options: { ...load, pauseMs: PAUSE_MS, sessionMs: SESSION_MS },
        races: { faultsMetWork: 1, rebalances: 1 },
        run: async (stage) => {
          await stage.startWorkers();
          const faults = Array.from({ length: pauses }, (_, index): ScheduledFault<FaultKind> => {
            return { kind: 'worker-pause', atMs: 1_500 + index * 13_000, holdMs: PAUSE_MS, target: index };
          });
          await stage.sendUnderFaults(loadNow(load), faults);
          await stage.quiesce();
        },
      },
    ]);
  },
};
