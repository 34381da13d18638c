/**
 * Work as it arrives: contents sent at a rate to workers that are warm. Latency is from the time a content was due to
 * its event in Kafka by the broker's clock; what was due in the warm-up does not count. Cost is that of the same seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_TYPES } from '../../../src/contract/topics.ts';
import { releasing } from '../../engine/releases.ts';
import { publishLoad } from '../../generator/producer.ts';
import { type Arena, ArenaBuilder } from '../arena.ts';
import { type BacklogShape, planBacklog } from '../backlog.ts';
import { product } from '../contestants/catalogue.ts';
import { WorkerGroup, type WorkersOptions } from '../contestants/worker-group.ts';
import { verifyBacklog, workersContestant } from '../contestants/workers.ts';
import { readOutputs, untilWritten } from '../outputs.ts';
import { drainOnce } from '../run-bench.ts';
import { quantile } from '../statistics.ts';
import { Stopwatch } from '../stopwatch.ts';
import type { Figure, Measured, Point, Shape, ShapeBench } from './shape.ts';

const LOW_RATE = 300;
const OPEN_BATCHES = 15;
const LENGTH = { warmUpSeconds: 3, seconds: 12 };
/** At a low rate the code of a worker is compiled bit by bit: its cost falls by a third in the first minute. */
const LOW_RATE_LENGTH = { warmUpSeconds: 45, seconds: 12 };
const SHARES_OF_CAPACITY = [0.1, 0.3, 0.5, 0.7, 0.9];
/** All batches are open at the same time. */
const ALL_IN_FLIGHT = 10_000;

const FIGURES: readonly Figure[] = [
  { name: 'slot event P50', unit: 'ms' },
  { name: 'slot event P99', unit: 'ms' },
  { name: 'completion P99', unit: 'ms' },
  { name: 'CPU of all workers', unit: '% of a core' },
  { name: 'CPU of all servers', unit: '% of a core' },
];

export const LIVE_SHAPES: readonly Shape[] = [
  {
    name: 'low-rate',
    about: `${LOW_RATE} contents a second over ${OPEN_BATCHES} open batches, key by batch (production) or by upload`,
    xTitle: 'workers',
    figures: FIGURES,
    points: async (bench) =>
      product(bench.around, bench.release).flatMap((workers) =>
        (['production', 'adversarial'] as const).map((routing) => ({
          series: `${workers.kind}, ${routing}`,
          x: workers.workers,
          measure: () => measureLive(bench, workers, { ...lowRateLength(bench), ratePerSecond: LOW_RATE, routing }),
        })),
      ),
  },
  {
    name: 'load',
    about: 'Latency of one worker by its share of the steady rate of a drain',
    xTitle: 'contents/s',
    figures: FIGURES,
    points: loadPoints,
  },
];

function lowRateLength({ isQuick }: ShapeBench): typeof LENGTH {
  return isQuick ? LENGTH : LOW_RATE_LENGTH;
}

async function loadPoints(bench: ShapeBench): Promise<Point[]> {
  const points: Point[] = [];
  for (const worker of product(bench.around, bench.release).filter(({ workers }) => workers === 1)) {
    const capacity = await measureCapacity(bench, worker);
    for (const share of SHARES_OF_CAPACITY) {
      const ratePerSecond = Math.round(capacity * share);
      const measured = () => measureLive(bench, worker, { ...LENGTH, ratePerSecond, routing: 'production' });
      points.push({ series: worker.name, x: ratePerSecond, measure: measured });
    }
  }
  return points;
}

async function measureCapacity({ stack, around, meter, backlog }: ShapeBench, worker: WorkersOptions): Promise<number> {
  return releasing(async (releases) => {
    const builder = await ArenaBuilder.open(stack, around.root, planBacklog(backlog));
    releases.add(() => builder.close());
    await builder.publish();
    const run = await drainOnce(around, workersContestant(worker), builder, meter);
    return run.steadyPerSecond ?? run.perSecond;
  });
}

export interface LiveLoad {
  readonly ratePerSecond: number;
  readonly warmUpSeconds: number;
  /** After the warm-up. */
  readonly seconds: number;
  readonly routing: BacklogShape['routing'];
}

/** Values in the order of FIGURES. */
export async function measureLive(
  bench: Pick<ShapeBench, 'stack' | 'around' | 'meter' | 'backlog'>,
  workers: WorkersOptions,
  load: LiveLoad,
): Promise<Measured> {
  const { ratePerSecond, routing, warmUpSeconds, seconds } = load;
  const slots = Math.ceil((ratePerSecond * (warmUpSeconds + seconds)) / OPEN_BATCHES);
  const shape = { ...bench.backlog, batches: OPEN_BATCHES, slots, routing };
  const backlog = planBacklog(shape, { ratePerSecond, batchesInFlight: ALL_IN_FLIGHT });
  return releasing(async (releases) => {
    const builder = await ArenaBuilder.open(bench.stack, bench.around.root, backlog);
    releases.add(() => builder.close());
    const arena = await builder.build(workers.root);
    releases.add(() => builder.remove(arena));
    const group = new WorkerGroup(workers, arena);
    releases.add(() => group.programs.stop());
    group.start();
    await group.untilMembers(workers.workers);
    const stopwatch = new Stopwatch(bench.meter);
    const due = await send(arena, { group, stopwatch, warmUpSeconds });
    await untilWritten(arena, backlog.contents.length + backlog.registrations.length, group.signal);
    const latencies = await readLatencies(arena, due);
    const { worker, postgres, kafka, redis } = stopwatch.cost().cpuSeconds;
    const percent = (cpuSeconds: number) => (cpuSeconds / stopwatch.seconds()) * 100;
    return {
      values: [
        quantile(latencies.slots, 0.5),
        quantile(latencies.slots, 0.99),
        quantile(latencies.completions, 0.99),
        percent(worker),
        percent(postgres + kafka + redis),
      ],
      problems: await verifyBacklog(arena),
    };
  });
}

interface DueTimes {
  readonly measuredFromMs: number;
  /** By text; of a batch, when its last content was due. */
  readonly texts: ReadonlyMap<string, number>;
  readonly batches: ReadonlyMap<string, number>;
}

/** Sends all of it, and reads the meter when the warm-up is over and when the last content was sent. */
async function send(
  arena: Arena,
  { group, stopwatch, warmUpSeconds }: { group: WorkerGroup; stopwatch: Stopwatch; warmUpSeconds: number },
): Promise<DueTimes> {
  const { backlog } = arena;
  const texts = new Map<string, number>();
  const batches = new Map<string, number>();
  const sending = publishLoad({
    kafka: arena.kafka,
    topics: arena.topics,
    load: { ...backlog.load, inputs: () => backlog.contents },
    signal: group.signal,
    onSending: (input, dueAtMs) => {
      if (input.kind !== 'content') return;
      texts.set(input.textStorageId, dueAtMs);
      batches.set(input.batchId, dueAtMs);
    },
  });
  // Its failure is met below: nobody else listens meanwhile.
  sending.catch(() => undefined);
  await sleep(warmUpSeconds * 1_000, undefined, { signal: group.signal });
  const measuredFromMs = Date.now();
  await stopwatch.begin(group.programs.pids);
  await sending;
  await stopwatch.end(group.programs.pids);
  return { measuredFromMs, texts, batches };
}

async function readLatencies(arena: Arena, due: DueTimes): Promise<{ slots: number[]; completions: number[] }> {
  const slots: number[] = [];
  const completions: number[] = [];
  for (const { timestampMs, value } of await readOutputs(arena)) {
    const { event_type, data } = JSON.parse(value);
    const isCompletion = event_type === EVENT_TYPES.completed;
    const dueMs = isCompletion ? due.batches.get(data.batch_id) : due.texts.get(data.text_storage_id);
    if (dueMs === undefined || dueMs < due.measuredFromMs) continue;
    (isCompletion ? completions : slots).push(Math.max(0, timestampMs - dueMs));
  }
  return { slots, completions };
}
