/** One more drain by one worker of this build under Node's profiler. Its speed is the profiler's, not the worker's. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { releasing } from '../engine/releases.ts';
import type { Stack } from '../stack/stack.ts';
import { ArenaBuilder } from './arena.ts';
import { type BacklogShape, planBacklog } from './backlog.ts';
import { type Surroundings, workerOf } from './contestants/catalogue.ts';
import { workersContestant } from './contestants/workers.ts';
import { Meter } from './meter.ts';
import { type CategoryTime, timeByCategory } from './profile.ts';
import { Stopwatch } from './stopwatch.ts';

export interface ProfiledRun {
  /** For any viewer of V8's profiles. */
  readonly file: string;
  readonly inputs: number;
  readonly categories: readonly CategoryTime[];
}

export interface ProfileOptions {
  readonly stack: Stack;
  readonly around: Surroundings;
  readonly backlog: BacklogShape;
  readonly folder: string;
}

export async function profileWorker({ stack, around, backlog, folder }: ProfileOptions): Promise<ProfiledRun> {
  const profiles = join(folder, 'profile');
  await mkdir(profiles, { recursive: true });
  const flags = ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const { root } = around;
  const options = workerOf(around, { name: 'profiled', kind: 'build', about: '', root, workers: 1, flags });
  const worker = workersContestant(options);
  const planned = planBacklog(backlog);
  const period = await releasing(async (releases) => {
    const meter = await Meter.open(stack);
    releases.add(() => meter.close());
    const builder = await ArenaBuilder.open(stack, root, planned);
    releases.add(() => builder.close());
    await builder.publish();
    const arena = await builder.build(root);
    releases.add(() => builder.remove(arena));
    const drain = await worker.prepare(arena);
    // Its end writes the profile.
    releases.add(() => drain.stop());
    const stopwatch = new Stopwatch(meter);
    await drain.run(stopwatch);
    return stopwatch.period();
  });
  const [name] = await readdir(profiles);
  if (name === undefined) throw new Error(`the profiled worker left no profile in ${profiles}`);
  const file = join(profiles, name);
  return { file, inputs: planned.contents.length, categories: timeByCategory(await readFile(file, 'utf8'), period) };
}

export function describeProfile({ categories, inputs, file }: ProfiledRun): string {
  const lines = categories.map(({ category, seconds, share }) => {
    const us = ((seconds / inputs) * 1_000_000).toFixed(1);
    return `${category.padEnd(32)}${(share * 100).toFixed(1).padStart(6)} %${us.padStart(8)} us per input`;
  });
  return ['One worker of this build, by what its thread did while it drained:', ...lines, file].join('\n');
}
