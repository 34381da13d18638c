/**
 * Batches that completed long ago are erased in small steps and leave a tombstone: nothing that is replayed for it finds
 * a slot, publishes anything or is recorded, at no moment in between; nor can it be registered again.
 */
import { PostgresStatusReader } from '../../../src/postgres/status-reader.ts';
import { PostgresUpkeepStore } from '../../../src/postgres/upkeep-store.ts';
import { Retention } from '../../../src/worker/upkeep/retention.ts';
import { type Instance, PostgresBatchSystem } from '../../support/batch/postgres-batch-system.ts';
import { content, contents, failure, registration } from '../../support/batch/sample-inputs.ts';
import { silentLog } from '../../support/servers/open-database.ts';
import { createTestDatabase } from '../../support/servers/servers.ts';

jest.setTimeout(60_000);

const DAY_MS = 86_400_000;

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let system: PostgresBatchSystem;
let instance: Instance;
let upkeep: PostgresUpkeepStore;

beforeAll(async () => {
  target = await createTestDatabase();
  system = new PostgresBatchSystem(target.databaseUrl, 1);
  instance = system.instances[0] as Instance;
  upkeep = new PostgresUpkeepStore(instance.database, { instance: 'me' });
});
beforeEach(() => system.reset());
afterAll(async () => {
  await system.close();
  await target.drop();
});

const sql = async <Row extends object>(text: string): Promise<Row[]> =>
  (await instance.database.pool.query<Row>(text)).rows;
const count = async (from: string): Promise<number> =>
  (await sql<{ count: number }>(`select count(*)::int as count from ${from}`))[0]?.count ?? -1;
const retention = (retentionMs: number): Retention =>
  new Retention({ upkeep, metrics: instance.metrics, log: silentLog, intervalMs: 60_000, retentionMs });

const INPUTS = [...contents('old', 3), failure('old', 'f'), content('old', 'too much')];

/** Complete since 31 days, one slot burnt, one content too many, all of it published. */
async function finish(batchId = 'old'): Promise<void> {
  await system.apply([registration(batchId, 4)]);
  for (const input of INPUTS) await system.apply([{ ...input, batchId }]);
  await sql(`update batches set completed_at = now() - interval '31 days' where id = '${batchId}'`);
}
const publish = () => sql('update outbox set published_at = now()');

test('a batch past the retention leaves a tombstone without anything personal; a younger one is whole', async () => {
  await finish();
  await system.apply([registration('young', 1), content('young', 'x')]);
  await publish();
  expect(await retention(30 * DAY_MS).erase()).toBe(1);
  const [tombstone] = await sql<Record<string, unknown>>(`select * from batches where id = 'old'`);
  expect(tombstone).toMatchObject({ state: 'complete', filled_count: 3, failed_count: 1, erasing: false });
  expect(tombstone?.['registration_digest']).toMatch(/^[0-9a-f]{64}$/);
  expect(tombstone?.['erased_at']).toBeInstanceOf(Date);
  for (const name of ['user_id', 'course_code', 'org_id', 'class_id', 'student_prompt_ref', 'correlation_id']) {
    expect(tombstone?.[name]).toBeNull();
  }
  for (const table of ['slots', 'failures', 'excess_contents']) {
    expect(await count(`${table} where batch_id = 'old'`)).toBe(0);
  }
  expect(await count(`slots where batch_id = 'young' and status = 'filled'`)).toBe(1);
  const status = new PostgresStatusReader(instance.database);
  expect((await status.batch('old'))?.erasedAtMs).toEqual(expect.any(Number));
  expect((await status.batch('young'))?.erasedAtMs).toBeNull();
  expect(await retention(30 * DAY_MS).erase()).toBe(0);
});

test('a replay meets a tombstone at every moment of its erasure, and publishes and records nothing', async () => {
  await finish();
  await publish();
  const events = await count('outbox');
  const replay = async (): Promise<void> => {
    const again = [registration('old', 4), ...INPUTS, content('old', 'never seen'), failure('old', 'never failed')];
    for (const input of again) expect(await system.apply([input])).toEqual(['duplicate']);
    const slotInputs = again.filter((input) => input.kind !== 'registration');
    expect(await instance.store.known(slotInputs)).toEqual(slotInputs.map(() => true));
    expect(await system.apply([registration('old', 5)])).toEqual(['rejected']);
    expect(await count('outbox')).toBe(events);
    expect(await count('pending_inputs')).toBe(0);
  };
  expect(await upkeep.markErased(30 * DAY_MS, 10)).toBe(1);
  let steps = 0;
  for (; (await upkeep.eraseRows(1)) !== null; steps += 1) await replay();
  await replay();
  expect(steps).toBeGreaterThan(3);
  expect(await count(`slots where batch_id = 'old'`)).toBe(0);
});

test('nothing is erased before its completion is published, not even of a batch whose row was given up', async () => {
  await finish();
  expect(await retention(30 * DAY_MS).erase()).toBe(0);
  await sql('update outbox set dead = true');
  expect(await retention(30 * DAY_MS).erase()).toBe(0);
  expect(await count(`slots where batch_id = 'old'`)).toBe(4);
  await publish();
  expect(await retention(30 * DAY_MS).erase()).toBe(1);
});

test('without a retention nothing is erased but what another process had begun to', async () => {
  await finish('begun');
  await finish('old-2').catch(() => undefined);
  await publish();
  await upkeep.markErased(30 * DAY_MS, 1);
  expect(await retention(0).erase()).toBe(0);
  expect(await count('slots')).toBe(4);
});

test('one instance at a time erases, and a batch that somebody holds is left for later', async () => {
  await finish();
  await publish();
  const other = new PostgresUpkeepStore(instance.database, { instance: 'other' });
  expect(await other.takeTurn('erase', 60_000)).toBe(true);
  expect(await retention(DAY_MS).erase()).toBe(0);
  await other.takeTurn('erase', 0);
  const client = await instance.database.pool.connect();
  await client.query(`begin; select 1 from batches where id = 'old' for update`);
  expect(await retention(DAY_MS).erase()).toBe(0);
  await client.query('commit');
  client.release();
  expect(await retention(DAY_MS).erase()).toBe(1);
});
