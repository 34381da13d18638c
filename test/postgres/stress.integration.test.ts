/**
 * Several hundred groups over shared batches at once, from three instances with four groups in flight each, every
 * identity given about twice: nobody deadlocks, and the final state keeps every invariant.
 */
import type { Input } from '../../src/domain/inputs.ts';
import { brokenInvariants } from '../support/batch/batch-invariants.ts';
import { type Answered, pairUp } from '../support/batch/batch-system.ts';
import { Observer } from '../support/batch/held-transaction.ts';
import { PostgresBatchSystem } from '../support/batch/postgres-batch-system.ts';
import { content, failure, registration } from '../support/batch/sample-inputs.ts';
import { counted } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';
import { waitFor } from '../support/wait-for.ts';

const INSTANCE_COUNT = 3;
const LANES_PER_INSTANCE = 4;
const BATCH_COUNT = 16;
const SLOTS_PER_BATCH = 100;
const GROUP_COUNT_MIN = 300;

jest.setTimeout(120_000);

test('hundreds of groups over shared batches at once: no deadlock, every invariant kept', async () => {
  const database = await createTestDatabase();
  const system = new PostgresBatchSystem(database.databaseUrl, INSTANCE_COUNT);
  const groups = shuffledGroups(7);
  expect(groups.length).toBeGreaterThan(GROUP_COUNT_MIN);
  const answered: Answered[] = [];
  let next = 0;
  const lane = async (_: unknown, index: number): Promise<void> => {
    for (let group = groups[next++]; group !== undefined; group = groups[next++]) {
      answered.push(...pairUp(group, await system.apply(group, index % INSTANCE_COUNT)));
    }
  };
  await Promise.all(Array.from({ length: INSTANCE_COUNT * LANES_PER_INSTANCE }, lane));
  expect(brokenInvariants(answered, await system.snapshot())).toEqual([]);
  const errors = await Promise.all(
    ['40P01', '23505', '55P03'].map(async (sqlstate) => {
      const counts = await Promise.all(
        system.instances.map(({ metrics }) => counted(metrics.databaseErrors, { sqlstate })),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    }),
  );
  const busyCounts = await Promise.all(system.instances.map(({ metrics }) => counted(metrics.undecided)));
  const busyCount = busyCounts.reduce((sum, count) => sum + count, 0);
  await system.close();
  const observer = new Observer(database.databaseUrl);
  await observer.connect();
  process.stdout.write(
    `stress: ${groups.length} groups, ${busyCount} inputs met a busy batch; deadlocks, conflicts, lock timeouts: ${errors.join(', ')}\n`,
  );
  expect(errors).toEqual([0, 0, 0]);
  // They did meet.
  expect(busyCount).toBeGreaterThan(0);
  expect(await observer.deadlockCount()).toBe(0);
  await observer.close();
  await database.drop();
});

test('a deadlock would be counted', async () => {
  const database = await createTestDatabase();
  const [one, two, observer] = [1, 2, 3].map(() => new Observer(database.databaseUrl)) as [
    Observer,
    Observer,
    Observer,
  ];
  for (const session of [one, two, observer]) await session.connect();
  await observer.client.query(`insert into batches (id, state) values ('a', 'announced'), ('b', 'announced')`);
  const lock = (session: Observer, id: string) =>
    session.client.query('select 1 from batches where id = $1 for update', [id]);
  for (const session of [one, two]) await session.client.query('begin');
  await lock(one, 'a');
  await lock(two, 'b');
  const results = await Promise.allSettled([lock(one, 'b'), lock(two, 'a')]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  for (const session of [one, two]) await session.close();
  await waitFor(async () => (await observer.deadlockCount()) === 1, {
    deadlineMs: 10_000,
    what: 'one deadlock counted',
  });
  await observer.close();
  await database.drop();
});

/** The same for the same seed: registrations anywhere, contents and failures about twice each, in groups of 1 to 30. */
function shuffledGroups(seed: number): Input[][] {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const inputs: Input[] = [];
  for (let batch = 0; batch < BATCH_COUNT; batch += 1) {
    const id = `batch-${batch}`;
    for (let copy = 0; copy < 2; copy += 1) inputs.push(registration(id, SLOTS_PER_BATCH));
    for (let text = 0; text < SLOTS_PER_BATCH + 20; text += 1) {
      for (let copy = 0; copy < 1 + random(3); copy += 1) inputs.push(content(id, `t${text}`));
    }
    for (let upload = 0; upload < 20; upload += 1) {
      for (let copy = 0; copy < 2; copy += 1) inputs.push(failure(id, `t${upload * 3}`));
    }
  }
  for (let index = inputs.length - 1; index > 0; index -= 1) {
    const other = random(index + 1);
    [inputs[index], inputs[other]] = [inputs[other] as Input, inputs[index] as Input];
  }
  const groups: Input[][] = [];
  for (let start = 0; start < inputs.length; ) {
    const size = 1 + random(25);
    groups.push(inputs.slice(start, start + size));
    start += size;
  }
  return groups;
}
