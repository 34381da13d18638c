/**
 * Batches that do not end by themselves: what waits for them has a bound, a registration places it in several
 * transactions whoever is in the way, and an operator can close or expire them.
 */
import type { BatchStore } from '../../../src/domain/batch-store.ts';
import type { SlotInput } from '../../../src/domain/inputs.ts';
import { PostgresUpkeepStore } from '../../../src/postgres/upkeep-store.ts';
import { closeBatch, expireBatch } from '../../../src/worker/settle/end-batch.ts';
import { RegisterBatches } from '../../../src/worker/settle/register-batches.ts';
import { type Instance, PostgresBatchSystem } from '../../support/batch/postgres-batch-system.ts';
import { content, contents, failure, registration } from '../../support/batch/sample-inputs.ts';
import { createTestDatabase } from '../../support/servers/servers.ts';

jest.setTimeout(120_000);

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let system: PostgresBatchSystem;
let instance: Instance;

beforeAll(async () => {
  target = await createTestDatabase();
  system = new PostgresBatchSystem(target.databaseUrl, 2);
  instance = system.instances[0] as Instance;
});
beforeEach(() => system.reset());
afterAll(async () => {
  await system.close();
  await target.drop();
});

const completions = async () => (await system.snapshot()).events.filter(({ kind }) => kind === 'completed');
const sql = (text: string) => instance.database.pool.query(text);

describe('inputs that come before their registration', () => {
  test('are kept up to a bound; one more is refused, and what is kept already stays a duplicate', async () => {
    await sql(`insert into batches (id, state, pending_count) values ('b', 'announced', 19998)`);
    const early = [content('b', 'x'), failure('b', 'f'), content('b', 'y'), content('b', 'x')];
    expect(await system.apply(early)).toEqual(['pending', 'pending', 'rejected', 'duplicate']);
    expect(await system.apply([content('b', 'z')])).toEqual(['rejected']);
    expect(await system.apply([content('b', 'x'), failure('b', 'f')])).toEqual(['duplicate', 'duplicate']);
    expect(await system.apply([content('other', 'z')])).toEqual(['pending']);
  });

  test('are placed in arrival order by transactions that each take a part, and the registration is answered last', async () => {
    for (let part = 0; part < 5; part += 1) await system.apply(contents('b', 1000, `t${part}-`));
    expect(await system.apply([registration('b', 4500)])).toEqual(['registered']);
    const [batch] = (await system.snapshot()).batches;
    expect(batch).toMatchObject({ state: 'complete', filledCount: 4500, pending: [] });
    expect(batch?.slots[0]).toMatchObject({ textStorageId: 't0-0' });
    expect(batch?.slots[4499]).toMatchObject({ textStorageId: 't4-499' });
    expect(batch?.excess).toHaveLength(500);
    expect(await completions()).toHaveLength(1);
    const { rows } = await sql(`select draining, pending_count from batches where id = 'b'`);
    expect(rows).toEqual([{ draining: false, pending_count: 0 }]);
    const transactions = await sql(`select count(distinct xmin::text)::int as count from slots where batch_id = 'b'`);
    expect(transactions.rows[0]).toEqual({ count: 3 });
  });

  test('a registration whose process ends between two parts comes again, and the reconciler lets it', async () => {
    for (let part = 0; part < 3; part += 1) await system.apply(contents('b', 1000, `t${part}-`));
    const { store } = instance;
    let transactionCount = 0;
    const dying: BatchStore = {
      known: (inputs) => store.known(inputs),
      assignContents: (...all) => store.assignContents(...all),
      transaction: (work) => {
        transactionCount += 1;
        return transactionCount === 1 ? store.transaction(work) : Promise.reject(new Error('the process has ended'));
      },
    };
    const { context, metrics, parked } = instance;
    const register = new RegisterBatches({
      store: dying,
      context,
      metrics,
      parked,
      outbox: { offer: () => undefined },
    });
    await expect(register.register([registration('b', 3000)])).rejects.toThrow('the process has ended');
    expect((await system.snapshot()).batches[0]).toMatchObject({ state: 'open', filledCount: 2000 });
    const upkeep = new PostgresUpkeepStore(instance.database, { instance: 'me' });
    expect((await upkeep.findStranded(null, 100)).batchIds).toEqual([]);
    await sql(`update batches set registered_at = now() - interval '2 minutes'`);
    expect((await upkeep.findStranded(null, 100)).batchIds).toEqual(['b']);
    expect(await system.apply([registration('b', 3000)])).toEqual(['duplicate']);
    expect((await system.snapshot()).batches[0]).toMatchObject({ state: 'complete', filledCount: 3000, pending: [] });
  });
});

describe('closing', () => {
  test('burns what is open and announces what is filled, once however often it is asked for', async () => {
    await system.apply([registration('b', 3), content('b', 'x')]);
    const both = await Promise.allSettled([
      closeBatch(instance, 'b'),
      closeBatch(system.instances[1] as Instance, 'b'),
    ]);
    expect(both.filter((each) => each.status === 'fulfilled' && each.value === 2)).toHaveLength(1);
    expect(await closeBatch(instance, 'b')).toBeNull();
    const { batches, events } = await system.snapshot();
    expect(batches).toMatchObject([{ state: 'complete', filledCount: 1, failedCount: 2, openCount: 0 }]);
    expect(events.filter(({ kind }) => kind === 'completed')).toMatchObject([
      { provisionedCount: 1, expectedCount: 3, essays: [{ essayId: 'b-e0', textStorageId: 'x' }] },
    ]);
    expect(await system.apply([content('b', 'late')])).toEqual(['excess']);
  });

  test('is refused where there is nothing to complete, and leaves no trace', async () => {
    await system.apply([content('early', 'x')]);
    await expect(closeBatch(instance, 'early')).rejects.toThrow('not registered');
    await expect(closeBatch(instance, 'unheard of')).rejects.toThrow('not registered');
    expect((await system.snapshot()).batches.map(({ batchId }) => batchId)).toEqual(['early']);
    await system.apply([registration('held', 1)]);
    const client = await instance.database.pool.connect();
    await client.query(`begin; select 1 from batches where id = 'held' for update`);
    await expect(closeBatch(instance, 'held')).rejects.toThrow('somebody holds');
    await client.query('rollback');
    client.release();
    expect(await completions()).toEqual([]);
  });
});

describe('expiring', () => {
  test('hands over all that waits before it removes it, and a registration afterwards is a new one', async () => {
    await system.apply([...contents('b', 1500), failure('b', 'f')]);
    const kept: SlotInput[] = [];
    const failing = () => Promise.reject(new Error('disk full'));
    await expect(expireBatch(instance, 'b', failing)).rejects.toThrow('disk full');
    const keep = async (inputs: readonly SlotInput[]) => void kept.push(...inputs);
    expect(await expireBatch(instance, 'b', keep)).toBe(1501);
    expect(kept).toHaveLength(1501);
    expect(kept[0]).toMatchObject({ kind: 'content', batchId: 'b', textStorageId: 't0' });
    expect((await system.snapshot()).batches).toEqual([]);
    expect(await system.apply([registration('b', 1), content('b', 't0')])).toEqual(['registered', 'assigned']);
    await expect(expireBatch(instance, 'b', keep)).rejects.toThrow('registered');
  });
});
