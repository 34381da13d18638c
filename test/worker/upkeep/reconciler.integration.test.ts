/**
 * What the reconciler repairs cannot happen, so every broken batch here is broken by hand. A healthy database, however
 * busy, is left alone.
 */
import type { OutboxRow } from '../../../src/domain/ports.ts';
import { PostgresUpkeepStore } from '../../../src/postgres/upkeep-store.ts';
import { Reconciler } from '../../../src/worker/upkeep/reconciler.ts';
import { holdBeforeCommit, Observer } from '../../support/batch/held-transaction.ts';
import { type Instance, PostgresBatchSystem } from '../../support/batch/postgres-batch-system.ts';
import { content, contents, failure, registration } from '../../support/batch/sample-inputs.ts';
import { counted, silentLog } from '../../support/servers/open-database.ts';
import { createTestDatabase } from '../../support/servers/servers.ts';
import { waitFor } from '../../support/wait-for.ts';

jest.setTimeout(60_000);

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let system: PostgresBatchSystem;
let instance: Instance;
let observer: Observer;
let reconciler: Reconciler;
let handedOver: OutboxRow[];

beforeAll(async () => {
  target = await createTestDatabase();
  system = new PostgresBatchSystem(target.databaseUrl, 2);
  instance = system.instances[0] as Instance;
  observer = new Observer(target.databaseUrl);
  await observer.connect();
});

beforeEach(async () => {
  await system.reset();
  handedOver = [];
  reconciler = reconcilerOf(60_000);
});

afterAll(async () => {
  await observer.close();
  await system.close();
  await target.drop();
});

function reconcilerOf(intervalMs: number): Reconciler {
  const { store, context, metrics } = instance;
  const outbox = { offer: (rows: readonly OutboxRow[]) => void handedOver.push(...rows) };
  const upkeep = new PostgresUpkeepStore(instance.database, { instance: context.instance });
  return new Reconciler({ store, context, metrics, log: silentLog, intervalMs, outbox, upkeep });
}

async function strand(...inputs: Parameters<PostgresBatchSystem['apply']>[0][number][]): Promise<void> {
  const slotInputs = inputs.filter((input) => input.kind !== 'registration');
  await instance.store.transaction((tx) => tx.recordPending(slotInputs));
}

/** All slots taken behind the back of the counters, long enough ago to look impossible. */
async function takeSlotsByHand(batchId: string): Promise<void> {
  const take = `update slots set status = 'filled', text_storage_id = 't' || position, file_upload_id = 'u' || position,
    original_file_name = '', batch_version = position + 1 where batch_id = $1 and position > 0`;
  await observer.client.query(take, [batchId]);
  await observer.client.query(
    `update slots set status = 'failed', batch_version = 1 where batch_id = $1 and position = 0`,
    [batchId],
  );
  await age(batchId);
}

async function age(batchId: string): Promise<void> {
  await observer.client.query(`update batches set registered_at = now() - interval '1 minute' where id = $1`, [
    batchId,
  ]);
}

const repairs = (kind: string): Promise<number> => counted(instance.metrics.reconcilerRepairs, { kind });

test('inputs pending behind a registration are settled as if they had been drained, once', async () => {
  await system.apply([registration('b', 2)]);
  await strand(content('b', 'x'), failure('b', 'f'), content('b', 'y'));
  const before = await repairs('pending_of_registered');
  expect(await reconciler.reconcile()).toBe(1);
  expect(await repairs('pending_of_registered')).toBe(before + 1);
  const { batches, events } = await system.snapshot();
  expect(batches).toMatchObject([{ state: 'complete', filledCount: 1, failedCount: 1, pending: [], excess: ['y'] }]);
  expect(events.map(({ kind }) => kind)).toEqual(['slot-assigned', 'excess', 'completed']);
  expect(handedOver.flatMap(({ messages }) => messages)).toHaveLength(3);
  expect(await reconciler.reconcile()).toBe(0);
});

test('a batch whose slots are all taken is completed with what the slots say, once', async () => {
  await system.apply([registration('b', 3)]);
  await takeSlotsByHand('b');
  const before = await repairs('full_not_complete');
  expect(await reconciler.reconcile()).toBe(1);
  expect(await repairs('full_not_complete')).toBe(before + 1);
  const { batches, events } = await system.snapshot();
  expect(batches).toMatchObject([
    { state: 'complete', expectedCount: 3, filledCount: 2, failedCount: 1, openCount: 0 },
  ]);
  expect(events).toMatchObject([
    {
      kind: 'completed',
      provisionedCount: 2,
      expectedCount: 3,
      essays: [
        { essayId: 'b-e1', textStorageId: 't1' },
        { essayId: 'b-e2', textStorageId: 't2' },
      ],
    },
  ]);
  expect(handedOver).toHaveLength(1);
  expect(await reconciler.reconcile()).toBe(0);
  expect((await system.snapshot()).events).toHaveLength(1);
});

test('nothing is repaired in a healthy database', async () => {
  await system.apply([registration('full', 2), ...contents('full', 3)]);
  await system.apply([registration('half', 2), content('half', 'x')]);
  await system.apply([content('early', 'x'), failure('early', 'f')]);
  await age('half');
  const before = await system.snapshot();
  expect(await reconciler.reconcile()).toBe(0);
  expect(await system.snapshot()).toEqual(before);
  expect(handedOver).toEqual([]);
});

test('the last slot being filled by somebody else at this moment is not repaired', async () => {
  await system.apply([registration('b', 1)]);
  await age('b');
  const held = await holdBeforeCommit(system.instances[1] as Instance, [content('b', 'x')]);
  expect(await reconciler.reconcile()).toBe(0);
  await held.commit();
  expect(await reconciler.reconcile()).toBe(0);
  expect((await system.snapshot()).events.filter(({ kind }) => kind === 'completed')).toHaveLength(1);
});

test('a batch that somebody holds, and one that cannot be repaired, keep nobody else waiting', async () => {
  for (const batchId of ['a-held', 'b-broken', 'c']) {
    await system.apply([registration(batchId, 1)]);
    await strand(content(batchId, 'x'));
  }
  await observer.client.query('begin');
  await observer.client.query(`select 1 from batches where id = 'a-held' for update`);
  // A slot that the statement itself refuses to fill.
  await instance.database.pool.query(
    `alter table slots add constraint broken check (batch_id <> 'b-broken' or status = 'open') not valid`,
  );
  const startedAtMs = performance.now();
  expect(await reconciler.reconcile()).toBe(1);
  expect(performance.now() - startedAtMs).toBeLessThan(2000);
  expect(handedOver.flatMap(({ messages }) => messages.map(({ key }) => key))).toContain('c');
  await observer.client.query('commit');
  await instance.database.pool.query('alter table slots drop constraint broken');
  expect(await reconciler.reconcile()).toBe(2);
});

test('a pass looks at a stretch and the next one goes on there, so that each broken batch has its turn', async () => {
  for (let index = 0; index < 7; index += 1) {
    await system.apply([registration(`healthy-${index}`, 2), registration(`broken-${index}`, 2)]);
    await takeSlotsByHand(`broken-${index}`);
    await age(`healthy-${index}`);
    await strand(content(`healthy-${index}`, 'x'));
  }
  const { store, context, metrics, database } = instance;
  const upkeep = new PostgresUpkeepStore(database, { instance: context.instance });
  const outbox = { offer: () => undefined };
  const deps = { store, context, metrics, log: silentLog, intervalMs: 60_000, outbox, upkeep };
  const walking = new Reconciler({ ...deps, batchesPerPassMax: 2 });
  const repaired: number[] = [];
  for (let pass = 0; pass < 9; pass += 1) repaired.push(await walking.reconcile());
  expect(Math.max(...repaired)).toBeLessThanOrEqual(4);
  expect(repaired.reduce((sum, count) => sum + count, 0)).toBe(14);
});

test('one instance at a time looks for broken batches', async () => {
  await system.apply([registration('b', 1)]);
  await strand(content('b', 'x'));
  const other = new PostgresUpkeepStore(instance.database, { instance: 'other' });
  expect(await other.takeTurn('reconcile', 60_000)).toBe(true);
  expect(await reconciler.reconcile()).toBe(0);
  expect(await other.takeTurn('count', 60_000)).toBe(true);
  // Its turn lapses: whoever has gone keeps it from nobody.
  expect(await other.takeTurn('reconcile', 0)).toBe(true);
  expect(await reconciler.reconcile()).toBe(1);
  expect(await other.takeTurn('reconcile', 60_000)).toBe(false);
});

test('it repairs by itself while it runs, and starting or stopping twice does no harm', async () => {
  await system.apply([registration('b', 1)]);
  await strand(content('b', 'x'));
  const running = reconcilerOf(20);
  await running.start();
  await running.start();
  await waitFor(() => handedOver.length > 0, { deadlineMs: 20_000, what: 'a repair' });
  await running.stop();
  await running.stop();
  expect((await system.snapshot()).batches).toMatchObject([{ state: 'complete', pending: [] }]);
});
