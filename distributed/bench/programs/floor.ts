/** What all floors share: the beginning and the end that the bench waits for, and what there is to work on. */
import { once } from 'node:events';
import { topicsFor } from '../../../src/contract/topics.ts';
import type { PlannedContent } from '../../generator/plan.ts';
import { type BacklogShape, planBacklog } from '../backlog.ts';

/** Connected and prepared before it is called: only `work` is timed. */
export async function timed(work: () => Promise<void>): Promise<never> {
  process.stdout.write('begin\n');
  await once(process.stdin, 'data');
  await work();
  process.stdout.write('end\n');
  // The bench reads our CPU now and ends us then.
  await new Promise(() => setInterval(() => undefined, 60_000));
  throw new Error('unreachable');
}

export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: floors are started by the bench`);
  return value;
}

export function floorContents(): readonly PlannedContent[] {
  const shape = JSON.parse(setting('BENCH_BACKLOG')) as BacklogShape;
  return planBacklog(shape).contents.slice(0, Number(setting('BENCH_INPUTS')));
}

export const brokers = () => setting('KAFKA_BROKERS').split(',');
export const topics = () => topicsFor(setting('TOPIC_PREFIX'));
