/**
 * Goal: wherever between the commit of an event and its mark the relay ends, the event reaches Kafka, by this worker or
 * another, and twice only if it was under way. Method: workers end themselves at every step of the relay; rows are taken
 * over by the last one that is left, which ends as it has them.
 */
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { type CrashPoint, OUTBOX_POINTS } from '../nemesis/crash-points.ts';
import { endedWorkersPart, inWaves, type Wave } from './ended-workers.ts';

const TAKEN: CrashPoint = 'rows taken';
const LEAVES_ROWS: CrashPoint = 'row offered';

export const outbox: Scenario = {
  name: 'outbox',
  goal: 'Wherever between the commit of an event and its mark a worker ends: it is published, twice only if under way.',
  method: `Workers end themselves at each of ${OUTBOX_POINTS.length} steps of the relay, the last one over rows of the others.`,
  defaultInstances: [2],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => [
      endedWorkersPart(request, { name: 'relay', workers, waves: wavesOf(workers) }),
    ]),
};

/** Rows are taken for certain where all others have just left theirs. */
function wavesOf(workers: number): readonly Wave[] {
  const others = OUTBOX_POINTS.filter((point) => point !== TAKEN);
  const leaving = Array.from({ length: workers - 1 }, () => LEAVES_ROWS);
  return [...inWaves(others, workers), [...leaving, TAKEN]];
}
