/**
 * Goal: a worker that is cut off from a server notices, says so, and goes on by itself when the line is mended, while the
 * others work on; nothing is lost or doubled, whatever was on its way. Method: each worker has a line of its own to each server,
 * Kafka's advertised listener included; under load the lines of one worker, or of all, to one kind of server carry nothing
 * for a while, without a connection being closed. The full tier cuts each direction alone as well.
 */
import type { WorkerProcess } from '../cluster/worker-process.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { type CutOff, linesCut } from '../nemesis/network-faults.ts';
import type { Direction } from '../stack/process/tcp-proxy.ts';
import type { WayTo } from '../stack/servers/ways.ts';
import { secondsAround, sendBesideFault } from './fault-beside-load.ts';

const SERVERS: readonly WayTo[] = ['postgres', 'redis', 'kafka'];
const RATE_PER_SECOND = 200;
const CUT_MS = 15_000;

interface Cut {
  readonly to: WayTo;
  readonly who: 'one' | 'all';
  readonly directions: readonly Direction[];
}

export const partition: Scenario = {
  name: 'partition',
  goal: 'A worker cut off from a server says so and goes on when the line is mended; the others work on meanwhile.',
  method: 'The lines of one worker, or of all, to PostgreSQL, Redis or Kafka carry nothing for 15 s, connections kept.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) => forEachInstances(request, (workers) => cutsOf(request).map((cut) => part(request, workers, cut))),
};

function cutsOf({ tier }: PartRequest): readonly Cut[] {
  const both: readonly Direction[] = ['to-server', 'to-client'];
  const whole = SERVERS.flatMap((to) => (['one', 'all'] as const).map((who) => ({ to, who, directions: both })));
  const alone = SERVERS.flatMap((to) => both.map((only) => ({ to, who: 'one' as const, directions: [only] })));
  return tier === 'quick' ? whole : [...whole, ...alone];
}

function part(request: PartRequest, workers: number, cut: Cut): PartPlan {
  const durationSeconds = secondsAround(CUT_MS);
  const load = { ...DEFAULT_LOAD, seed: request.seed, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  const direction = cut.directions.length === 1 ? `-${cut.directions[0]}` : '';
  // Only Redis is not needed by anybody; of the others somebody must still have a line.
  const goesOn = cut.to === 'redis' || (cut.who === 'one' && workers > 1);
  return {
    name: `${cut.to}-${cut.who}${direction}`,
    workers,
    servers: { ways: workers },
    options: { ...load, ...cut, cutMs: CUT_MS },
    races: goesOn ? { faultsMetWork: 1 } : {},
    run: async (stage) => {
      await sendBesideFault(stage, load, () => ({
        injector: linesCut(cutOff(stage, cut)),
        holdMs: CUT_MS,
        workers: concerned(stage, cut),
        // Without hints all work is done.
        noticed: cut.to === 'redis' ? 'degraded' : 'unhealthy',
      }));
    },
  };
}

function concerned(stage: Stage, { who }: Cut): readonly WorkerProcess[] {
  const { workers } = stage.deps.cluster;
  return who === 'one' ? workers.slice(0, 1) : workers;
}

function cutOff(stage: Stage, cut: Cut): CutOff {
  const workers = concerned(stage, cut);
  const lines = stage.deps.stack.ways.slice(0, workers.length).map((way) => way[cut.to]);
  if (lines.length !== workers.length) throw new Error('each worker needs a line of its own');
  const target = `${cut.who === 'one' ? (workers[0]?.name ?? '') : 'all workers'} ${cut.to}`;
  return { target, lines, directions: cut.directions };
}
