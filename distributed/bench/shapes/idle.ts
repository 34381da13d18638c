/** What a worker costs that has nothing to do: the three inbound topics are empty and stay so. */
import { setTimeout as sleep } from 'node:timers/promises';
import { releasing } from '../../engine/releases.ts';
import { ArenaBuilder, PARTITIONS } from '../arena.ts';
import { planBacklog } from '../backlog.ts';
import { product } from '../contestants/catalogue.ts';
import { WorkerGroup, type WorkersOptions } from '../contestants/worker-group.ts';
import { Stopwatch } from '../stopwatch.ts';
import type { Measured, Shape, ShapeBench } from './shape.ts';

const INBOUND_TOPICS = 3;
/** Of what a start leaves to collect and to compile, the last is done after half a minute. */
const LENGTH = { settleSeconds: 30, seconds: 30 };
const QUICK_LENGTH = { settleSeconds: 5, seconds: 10 };

export const IDLE_SHAPE: Shape = {
  name: 'idle',
  about: `A worker without work on ${INBOUND_TOPICS * PARTITIONS} empty partitions`,
  xTitle: 'partitions',
  figures: [
    { name: 'CPU of the worker', unit: '% of a core' },
    { name: 'CPU of Kafka', unit: '% of a core' },
    { name: 'CPU of PostgreSQL', unit: '% of a core' },
    { name: 'RSS', unit: 'bytes' },
  ],
  points: async (bench) =>
    product(bench.around, bench.release)
      .filter(({ workers }) => workers === 1)
      .map((worker) => ({
        series: worker.name,
        x: INBOUND_TOPICS * PARTITIONS,
        measure: () => measure(bench, worker),
      })),
};

async function measure(
  { stack, around, meter, backlog, isQuick }: ShapeBench,
  worker: WorkersOptions,
): Promise<Measured> {
  return releasing(async (releases) => {
    const builder = await ArenaBuilder.open(stack, around.root, planBacklog({ ...backlog, batches: 1, slots: 1 }));
    releases.add(() => builder.close());
    const arena = await builder.build(worker.root);
    releases.add(() => builder.remove(arena));
    const group = new WorkerGroup(worker, arena);
    releases.add(() => group.programs.stop());
    group.start();
    const { pids } = group.programs;
    await group.untilMembers(1);
    const pause = (seconds: number) => sleep(seconds * 1_000, undefined, { signal: group.signal });
    const stopwatch = new Stopwatch(meter);
    const { settleSeconds, seconds } = isQuick ? QUICK_LENGTH : LENGTH;
    await pause(settleSeconds);
    await stopwatch.begin(pids);
    await pause(seconds);
    await stopwatch.end(pids);
    const cost = stopwatch.cost().cpuSeconds;
    const percents = [cost.worker, cost.kafka, cost.postgres].map((each) => (each / stopwatch.seconds()) * 100);
    return { values: [...percents, await group.programs.peakRssBytes()], problems: [] };
  });
}
