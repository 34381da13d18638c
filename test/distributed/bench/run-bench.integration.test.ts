import { join } from 'node:path';
import { Client } from 'pg';
import { ArenaBuilder } from '../../../distributed/bench/arena.ts';
import { planBacklog } from '../../../distributed/bench/backlog.ts';
import type { Contestant } from '../../../distributed/bench/contestant.ts';
import { everybody } from '../../../distributed/bench/contestants/catalogue.ts';
import type { WorkersOptions } from '../../../distributed/bench/contestants/worker-group.ts';
import { workersContestant } from '../../../distributed/bench/contestants/workers.ts';
import { Meter } from '../../../distributed/bench/meter.ts';
import { drainOnce, runBench } from '../../../distributed/bench/run-bench.ts';
import { measureLive } from '../../../distributed/bench/shapes/live.ts';
import { WORKER_PROGRAM } from '../../../distributed/cluster/product.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { type Stack, startStack } from '../../../distributed/stack/stack.ts';
import { useServersOfTestRun } from '../../support/servers/external-run.ts';

/** The bench in small, on the servers of the test run: who is right, and who only says so. */
const testRun = useServersOfTestRun();
const root = projectRoot();
const signal = new AbortController().signal;
const LOSE_A_TEXT = `
update slots set status = 'open', text_storage_id = null, batch_version = null
where essay_id = (select essay_id from slots where status = 'filled' limit 1)`;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ onProgress: () => undefined });
}, 60_000);

afterAll(() => stack.stop());

test('a floor and this build are timed and right; one that loses a text is reported as wrong', async () => {
  const around = surroundings();
  const [floor] = everybody(around, null, null).filter(({ name }) => name === 'claim-500');
  if (floor === undefined) throw new Error('no such floor');
  const build = workersContestant(thisBuild());
  const rows = await runBench({
    stack,
    root,
    contestants: [floor, build, { ...losingOneText(build), name: 'cheat' }],
    backlog: { batches: 100, slots: 4, routing: 'adversarial', seed: 3 },
    repeats: 1,
    peerRepeats: 1,
    signal,
    say: () => undefined,
  });
  const problems = rows.map(({ name, runs }) => [name, runs.flatMap((run) => run.problems)]);
  expect(problems.slice(0, 2)).toEqual([
    ['claim-500', []],
    ['build', []],
  ]);
  expect(problems[2]?.[1]).toContainEqual(expect.stringMatching(/^text in a slot missing: 1, the first /));
  for (const { inputs, runs } of rows) {
    expect(inputs).toBe(400);
    expect(runs[0]?.perSecond).toBeGreaterThan(0);
    expect(runs[0]?.walBytesPerInput).toBeGreaterThan(0);
  }
  // A floor is done with so little before the kernel's clock of CPU ticks once.
  expect(rows[1]?.runs[0]?.cpuUsPerInput.worker).toBeGreaterThan(0);
}, 180_000);

test('a contestant that ends instead of working is wrong, and the next one gets its turn', async () => {
  const around = { root, logFolder: join(testRun.folder, 'logs'), signal };
  const quitter = workersContestant({
    ...around,
    name: 'quitter',
    kind: 'peer',
    about: '',
    workers: 1,
    command: [process.execPath, '-e', 'process.exit(3)'],
  });
  const rows = await runBench({
    stack,
    root,
    contestants: [quitter, { ...quitter, name: 'next' }],
    backlog: { batches: 1, slots: 2, routing: 'production', seed: 4 },
    repeats: 1,
    peerRepeats: 1,
    signal,
    say: () => undefined,
  });
  for (const { runs } of rows)
    expect(runs[0]?.problems).toEqual([expect.stringMatching(/^quitter-1 ended \(exit 3\)/)]);
}, 120_000);

test('batches that were complete before are no part of the outcome', async () => {
  const run = await onMeter(async (meter) => {
    const backlog = planBacklog({ batches: 2, slots: 3, routing: 'production', seed: 5 });
    const builder = await ArenaBuilder.open(stack, root, backlog, { partitions: 2, finishedBatches: 4 });
    try {
      await builder.publish();
      return await drainOnce({ signal }, workersContestant(thisBuild()), builder, meter);
    } finally {
      await builder.close();
    }
  });
  expect(run.problems).toEqual([]);
}, 120_000);

test('latency at a rate counts from when a content was due, with the warm-up left out', async () => {
  const { values, problems } = await onMeter((meter) =>
    measureLive(
      { stack, around: surroundings(), meter, backlog: { batches: 1, slots: 1, routing: 'production', seed: 6 } },
      thisBuild(),
      { ratePerSecond: 60, routing: 'adversarial', warmUpSeconds: 1, seconds: 2 },
    ),
  );
  expect(problems).toEqual([]);
  const [p50 = 0, p99 = 0, completion = 0, workerPercent = 0] = values;
  expect(p50).toBeGreaterThan(0);
  expect(p99).toBeGreaterThanOrEqual(p50);
  expect(completion).toBeGreaterThan(0);
  expect(workerPercent).toBeGreaterThan(0);
}, 120_000);

function surroundings() {
  return { root, logFolder: join(testRun.folder, 'logs'), signal };
}

function thisBuild(): WorkersOptions {
  return {
    ...surroundings(),
    name: 'build',
    kind: 'build',
    about: '',
    workers: 1,
    command: [process.execPath, '--import', 'tsx', WORKER_PROGRAM],
  };
}

async function onMeter<T>(work: (meter: Meter) => Promise<T>): Promise<T> {
  const meter = await Meter.open(stack);
  try {
    return await work(meter);
  } finally {
    await meter.close();
  }
}

function losingOneText(honest: Contestant): Contestant {
  return {
    ...honest,
    verify: async (arena) => {
      const client = new Client({ connectionString: arena.addresses.databaseUrl });
      await client.connect();
      await client.query(LOSE_A_TEXT);
      await client.end();
      return honest.verify(arena);
    },
  };
}
