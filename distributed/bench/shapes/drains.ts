/** Throughput of a drain at points that differ in one thing: the backlog, the topics, the tables or the workers. */

import { releasing } from '../../engine/releases.ts';
import { ArenaBuilder, type ArenaOptions } from '../arena.ts';
import { type BacklogShape, planBacklog } from '../backlog.ts';
import { product } from '../contestants/catalogue.ts';
import type { WorkersOptions } from '../contestants/worker-group.ts';
import { workersContestant } from '../contestants/workers.ts';
import { drainOnce } from '../run-bench.ts';
import type { Figure, Measured, Point, Shape, ShapeBench } from './shape.ts';

const PARTITION_COUNTS = [1, 3, 15, 45];
const WORKER_COUNTS = [1, 2, 3];
const GROUP_SIZES = [1, 10, 100, 500];
const BATCH_SIZES = [10, 100, 1_000, 10_000];
const LARGEST_BATCH = 100_000;
const SLOTS_MAX_DEFAULT = 10_000;
const COMPLETION_BYTES_PER_SLOT = 200;
const FINISHED_BATCHES = [0, 10_000, 100_000];
const MOST_FINISHED = 1_000_000;
/** A worker with groups of one would take minutes for the whole backlog. */
const CONTENTS_PER_GROUP_MAX = 200;

const FIGURES: readonly Figure[] = [
  { name: 'inputs per second', unit: '/s' },
  { name: 'steady', unit: '/s' },
  { name: 'CPU of workers per input', unit: 'us' },
  { name: 'CPU of PostgreSQL per input', unit: 'us' },
  { name: 'peak RSS of a worker', unit: 'bytes' },
];

export const DRAIN_SHAPES: readonly Shape[] = [
  shape('group-size', 'Largest group of a transaction', 'inputs per group', (bench) =>
    GROUP_SIZES.flatMap((x) =>
      alone(bench).map((worker) => {
        const env = { GROUP_SIZE_MAX: String(x) };
        const contents = Math.min(bench.backlog.batches * bench.backlog.slots, x * CONTENTS_PER_GROUP_MAX);
        const batches = Math.ceil(contents / bench.backlog.slots);
        return drain(bench, { x, worker: { ...worker, env }, backlog: { ...bench.backlog, batches } });
      }),
    ),
  ),
  shape('partitions', 'Partitions of every topic', 'partitions', (bench) =>
    PARTITION_COUNTS.flatMap((x) =>
      alone(bench).map((worker) => drain(bench, { x, worker, arena: { partitions: x } })),
    ),
  ),
  shape('workers', 'Workers on one machine, without a limit of CPU', 'workers', (bench) =>
    WORKER_COUNTS.flatMap((x) =>
      alone(bench).flatMap((worker) =>
        (['production', 'adversarial'] as const).map((routing) =>
          drain(bench, {
            x,
            worker: { ...worker, workers: x },
            series: `${worker.name}, ${routing} routing`,
            backlog: { ...bench.backlog, routing },
          }),
        ),
      ),
    ),
  ),
  shape('batch-size', 'Slots of a batch, the same number of contents', 'slots', (bench) => {
    const contents = bench.backlog.batches * bench.backlog.slots;
    return [...BATCH_SIZES, ...(bench.isQuick ? [] : [LARGEST_BATCH])].flatMap((x) =>
      alone(bench).map((worker) => {
        const backlog = { ...bench.backlog, slots: x, batches: Math.max(1, Math.round(contents / x)) };
        const isLarge = x > SLOTS_MAX_DEFAULT;
        return drain(bench, {
          x,
          worker: isLarge ? { ...worker, env: { SLOTS_MAX: String(x) } } : worker,
          backlog,
          ...(isLarge && { arena: { messageBytesMax: x * COMPLETION_BYTES_PER_SLOT } }),
        });
      }),
    );
  }),
  shape('finished', 'Batches that were complete before', 'finished batches', (bench) =>
    [...FINISHED_BATCHES, ...(bench.isQuick ? [] : [MOST_FINISHED])].flatMap((x) =>
      alone(bench).map((worker) => drain(bench, { x, worker, arena: { finishedBatches: x } })),
    ),
  ),
];

function shape(name: string, about: string, xTitle: string, points: (bench: ShapeBench) => Point[]): Shape {
  return { name, about, xTitle, figures: FIGURES, points: async (bench) => points(bench) };
}

/** One worker of the release, if there is one, and one of this build. */
function alone({ around, release }: ShapeBench): WorkersOptions[] {
  return product(around, release).filter(({ workers }) => workers === 1);
}

interface DrainPoint {
  readonly x: number;
  readonly worker: WorkersOptions;
  /** The worker's name if not given. */
  readonly series?: string;
  readonly backlog?: BacklogShape;
  readonly arena?: ArenaOptions;
}

function drain(bench: ShapeBench, { x, worker, series, backlog, arena }: DrainPoint): Point {
  return { series: series ?? worker.name, x, measure: () => measure(bench, worker, backlog ?? bench.backlog, arena) };
}

async function measure(
  { stack, around, meter }: ShapeBench,
  worker: WorkersOptions,
  backlog: BacklogShape,
  arena: ArenaOptions | undefined,
): Promise<Measured> {
  return releasing(async (releases) => {
    const builder = await ArenaBuilder.open(stack, around.root, planBacklog(backlog), arena);
    releases.add(() => builder.close());
    await builder.publish();
    const run = await drainOnce(around, workersContestant(worker), builder, meter);
    const { worker: workerUs, postgres } = run.cpuUsPerInput;
    const values = [run.perSecond, run.steadyPerSecond ?? run.perSecond, workerUs, postgres, run.peakRssBytes];
    return { values, problems: run.problems };
  });
}
