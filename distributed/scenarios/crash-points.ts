/**
 * Goal: wherever between fetch and commit a worker ends, each input has its one fate. Method: workers of which each step
 * is watched end themselves (SIGKILL) at every one of them under a steady load, in waves until none is left; each step
 * really met, or the part is unknown.
 */
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { INTAKE_POINTS } from '../nemesis/crash-points.ts';
import { endedWorkersPart, inWaves } from './ended-workers.ts';

export const crashPoints: Scenario = {
  name: 'crash_points',
  goal: 'Wherever between the fetch and the commit of its offsets a worker ends: nothing is lost, nothing happens twice.',
  method: `Workers end themselves at each of ${INTAKE_POINTS.length} steps, one after the other until none is left.`,
  defaultInstances: [3],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => [
      endedWorkersPart(request, { name: 'intake', workers, waves: inWaves(INTAKE_POINTS, workers) }),
    ]),
};
