/**
 * Each race is first shown to happen, then shown not to hurt. Three instances on pools of their own; where the
 * interleaving matters it is made by hand: a transaction is stopped before its commit and let go once another has met
 * it.
 */
import type { Disposition, SlotInput } from '../../src/domain/inputs.ts';
import { AppError } from '../../src/errors.ts';
import { ASSIGN_CONTENTS } from '../../src/postgres/sql/assign-contents.ts';
import { CLAIM_SLOTS } from '../../src/postgres/sql/claim-slots.ts';
import { brokenInvariants } from '../support/batch/batch-invariants.ts';
import { type BatchSnapshot, pairUp } from '../support/batch/batch-system.ts';
import { holdBeforeCommit, Observer } from '../support/batch/held-transaction.ts';
import { type Instance, openInstance, PostgresBatchSystem } from '../support/batch/postgres-batch-system.ts';
import { content, contents, failure, registration } from '../support/batch/sample-inputs.ts';
import { counted } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';
import { waitFor } from '../support/wait-for.ts';

const INSTANCE_COUNT = 3;
const REPEATS = 20;

jest.setTimeout(60_000);

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let system: PostgresBatchSystem;
let observer: Observer;
let one: Instance;
let two: Instance;

beforeAll(async () => {
  database = await createTestDatabase();
  system = new PostgresBatchSystem(database.databaseUrl, INSTANCE_COUNT);
  [one, two] = system.instances as unknown as [Instance, Instance];
  observer = new Observer(database.databaseUrl);
  await observer.connect();
});

beforeEach(() => system.reset());

afterAll(async () => {
  await observer.close();
  await system.close();
  await database.drop();
});

describe('many at once', () => {
  test('20 identical contents for 3 slots take one slot', async () => {
    const before = await sumOfCounters((instance) => instance.metrics.undecided);
    for (let repeat = 0; repeat < REPEATS; repeat += 1) {
      await system.reset();
      await system.apply([registration('b', 3)]);
      const same = content('b', 'x');
      const told = await Promise.all(each(20, (index) => system.apply([same], index % INSTANCE_COUNT)));
      expect(tally(told.flat())).toEqual({ assigned: 1, duplicate: 19 });
      expect(await batch()).toMatchObject({ openCount: 2, filledCount: 1, version: 1, excess: [], pending: [] });
      expect((await system.snapshot()).events).toHaveLength(1);
    }
    const met = (await sumOfCounters((instance) => instance.metrics.undecided)) - before;
    process.stdout.write(`20 identical for 3 slots, ${REPEATS} times: ${met} found the batch busy\n`);
    expect(met).toBeGreaterThan(0);
  });

  test('30 contents for 15 slots from three instances: 15 assigned, 15 excess, one completion', async () => {
    for (let repeat = 0; repeat < REPEATS; repeat += 1) {
      await system.reset();
      await system.apply([registration('b', 15)]);
      const inputs = contents('b', 30);
      const told = await Promise.all(inputs.map((input, index) => system.apply([input], index % INSTANCE_COUNT)));
      expect(tally(told.flat())).toEqual({ assigned: 15, excess: 15 });
      const answered = [...pairUp([registration('b', 15)], ['registered']), ...pairUp(inputs, told.flat())];
      expect(brokenInvariants(answered, await system.snapshot())).toEqual([]);
    }
  });

  test('a registration and an early content at once leave nothing pending, in both orders', async () => {
    const orders = { registeredFirst: 0, contentFirst: 0 };
    for (let round = 0; round < 400 && Math.min(...Object.values(orders)) < 10; round += 1) {
      await system.reset();
      // The content takes two transactions to the lock; some round trips of delay let the registration come second.
      const register = async (): Promise<Disposition[]> => {
        for (let trip = 0; trip < round % 6; trip += 1) await one.database.run({ name: 'trip', text: 'select 1' }, []);
        return system.apply([registration('b', 1)], 0);
      };
      const told = (await Promise.all([register(), system.apply([content('b', 'x')], 1)])).flat();
      expect(told).toContain('registered');
      orders[told.includes('pending') ? 'contentFirst' : 'registeredFirst'] += 1;
      expect(await batch()).toMatchObject({ state: 'complete', filledCount: 1, pending: [], excess: [] });
    }
    process.stdout.write(`registration against early content: ${JSON.stringify(orders)}\n`);
    expect(Math.min(...Object.values(orders))).toBeGreaterThanOrEqual(10);
  });
});

describe('made by hand', () => {
  test('the last two slots taken at once complete the batch once, with both in the completion', async () => {
    for (let repeat = 0; repeat < REPEATS; repeat += 1) {
      await system.reset();
      await system.apply([registration('b', 2)]);
      const held = await holdBeforeCommit(one, [content('b', 'x')]);
      const other = await applyUntilBusy([content('b', 'y')]);
      await held.commit();
      expect(held.settled.answers).toEqual(['assigned']);
      expect(await other.told).toEqual(['assigned']);
      const { events } = await system.snapshot();
      expect(events.map(({ kind }) => kind)).toEqual(['slot-assigned', 'slot-assigned', 'completed']);
      expect(events.at(-1)).toMatchObject({ provisionedCount: 2 });
    }
  });

  test('when the holder of the last but one slot rolls back, the batch stays open', async () => {
    await system.apply([registration('b', 2)]);
    const held = await holdBeforeCommit(one, [content('b', 'x')]);
    const other = await applyUntilBusy([content('b', 'y')]);
    await held.rollback();
    expect(await other.told).toEqual(['assigned']);
    const snapshot = await batch();
    expect(snapshot).toMatchObject({ state: 'open', openCount: 1, version: 1 });
    expect(snapshot.slots.map(({ textStorageId }) => textStorageId)).toEqual(['y', null]);
    expect(await system.apply([content('b', 'x')])).toEqual(['assigned']);
    expect(await batch()).toMatchObject({ state: 'complete', version: 2 });
  });

  test('a content taken by another transaction meanwhile is a duplicate, and never meets the unique index', async () => {
    await system.apply([registration('b', 2)]);
    const violations = await counted(two.metrics.databaseErrors, { sqlstate: '23505' });
    const held = await holdBeforeCommit(one, [content('b', 'x')]);
    const other = await applyUntilBusy([content('b', 'x')]);
    await held.commit();
    expect(await other.told).toEqual(['duplicate']);
    expect(await counted(two.metrics.databaseErrors, { sqlstate: '23505' })).toBe(violations);
    expect(await batch()).toMatchObject({ openCount: 1, filledCount: 1, excess: [] });
  });

  test('a repeat of the content in the last but one slot is no excess to the group that takes the last one', async () => {
    await system.apply([registration('b', 2)]);
    const held = await holdBeforeCommit(one, [content('b', 'x')]);
    const other = await applyUntilBusy([content('b', 'y'), content('b', 'x')]);
    await held.commit();
    expect(await other.told).toEqual(['assigned', 'duplicate']);
    expect(await batch()).toMatchObject({ state: 'complete', filledCount: 2, excess: [] });
  });

  test('the same failure twice at once burns one slot', async () => {
    await system.apply([registration('b', 3)]);
    const held = await holdBeforeCommit(one, [failure('b', 'f')]);
    const other = await applyUntilBusy([failure('b', 'f')]);
    await held.commit();
    expect(await other.told).toEqual(['duplicate']);
    expect(await batch()).toMatchObject({ failedCount: 1, openCount: 2, version: 1 });
  });
});

describe.each([
  ['claim-slots', CLAIM_SLOTS, []],
  ['assign-contents', ASSIGN_CONTENTS, [['correlation'], [null], [null], '{"v":1', 10_000]],
])('a batch that changes between the snapshot of %s and its lock', (statement, text, eventValues) => {
  /** The claim as it is, but that it stops between the two until nobody else holds the advisory lock. */
  const STOPPED = text
    .replace(
      '), locked as materialized (',
      '), gate as materialized (select pg_advisory_xact_lock(4711) from (select count(*) from batch) c\n), locked as materialized (',
    )
    .replace("where state <> 'complete'))", "where state <> 'complete')) and (select count(*) from gate) = 1");

  test.each([
    ['another content takes a slot', [content('b', 'y')], { state: 'open', filledCount: 1 }],
    ['the same content takes a slot', [content('b', 'x')], { state: 'open', filledCount: 1 }],
    ['the last slots go', [content('b', 'y'), content('b', 'z')], { state: 'complete', filledCount: 2 }],
  ])('is left alone by it: %s', async (_name, meanwhile, expected) => {
    expect(STOPPED.length).toBeGreaterThan(text.length + 100);
    await system.apply([registration('b', 2)]);
    await observer.client.query('begin');
    await observer.client.query('select pg_advisory_xact_lock(4711)');
    const stopped = one.database.run({ name: `${statement}-stopped`, text: STOPPED }, [
      ['content'],
      ['b'],
      ['x'],
      ['u-x'],
      ['n'],
      'one',
      ...eventValues,
    ]);
    await observer.waitForBlocked(1);
    await system.apply(meanwhile, 1);
    await observer.client.query('commit');
    const [claim] = await stopped;
    expect(claim).toMatchObject({ essay_id: null, known: false, batch_state: 'open', certain: false });
    expect(await batch()).toMatchObject(expected);
  });

  test('and one that does not change is not', async () => {
    await system.apply([registration('b', 2)]);
    await observer.client.query('begin');
    await observer.client.query('select pg_advisory_xact_lock(4711)');
    const stopped = one.database.run({ name: `${statement}-stopped`, text: STOPPED }, [
      ['content'],
      ['b'],
      ['x'],
      ['u-x'],
      ['n'],
      'one',
      ...eventValues,
    ]);
    await observer.waitForBlocked(1);
    await observer.client.query('commit');
    const [claim] = await stopped;
    expect(claim).toMatchObject({ essay_id: 'b-e0', certain: true });
  });
});

describe('slots held by somebody else', () => {
  test('a held slot is skipped, not waited for', async () => {
    await system.apply([registration('b', 3)]);
    await lockSlots("essay_id = 'b-e0'");
    expect(await system.apply([content('b', 'x')])).toEqual(['assigned']);
    await observer.client.query('rollback');
    const texts = (await batch()).slots.map(({ textStorageId }) => textStorageId);
    expect(texts).toEqual([null, 'x', null]);
  });

  test('while all open slots are held, inputs are neither excess nor lost, and settle after the holder is gone', async () => {
    await system.apply([registration('b', 2)]);
    const before = await system.snapshot();
    await lockSlots("batch_id = 'b'");
    const group = [content('b', 'x'), failure('b', 'f')];
    expect(await one.assign.assign(group)).toEqual(['busy', 'busy']);
    expect(one.parked.isParked('b')).toBe(true);
    expect(await system.snapshot()).toEqual(before);
    await observer.client.query('rollback');
    expect(await system.apply(group)).toEqual(['assigned', 'failed']);
  });

  test('an input that is looked at again gets the slot that its holder gives back meanwhile', async () => {
    await system.apply([registration('b', 1)]);
    const looks = await counted(one.metrics.undecided);
    await lockSlots("batch_id = 'b'");
    const waiting = system.apply([content('b', 'x')]);
    await waitFor(async () => (await counted(one.metrics.undecided)) > looks + 1, {
      deadlineMs: 20_000,
      what: 'the input was looked at twice',
    });
    await observer.client.query('rollback');
    expect(await waiting).toEqual(['assigned']);
  });

  test('a batch that somebody locks for long costs the other batches of its group nothing', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    await system.apply(names.map((name) => registration(name, 1)));
    await observer.client.query(`begin; select 1 from batches where id = 'b' for update`);
    const group = names.map((name) => content(name, 'x'));
    expect(await one.assign.assign(group)).toEqual(['assigned', 'busy', 'assigned', 'assigned', 'assigned']);
    await observer.client.query('rollback');
    expect(await one.assign.assign(group)).toEqual(['duplicate', 'assigned', 'duplicate', 'duplicate', 'duplicate']);
  });

  test('registrations are answered beside one whose batch is held, be it announced or not yet committed', async () => {
    await system.apply([content('held', 'early')]);
    await observer.client.query(`begin; select 1 from batches where id = 'held' for update`);
    const asked = ['a', 'held', 'c'].map((name) => registration(name, 1));
    expect(await one.register.register(asked)).toMatchObject([
      { kind: 'registered' },
      { kind: 'busy' },
      { kind: 'registered' },
    ]);
    await observer.client.query('rollback');
    const held = await holdBeforeCommit(two, [], ['new']);
    expect(await one.register.register([registration('new', 1)])).toEqual([{ kind: 'busy' }]);
    expect(await one.assign.assign([content('new', 'x'), content('a', 'y')])).toEqual(['busy', 'assigned']);
    await held.commit();
    expect(await system.apply([registration('new', 1), content('new', 'x')])).toEqual(['registered', 'assigned']);
  });

  test('what stops a whole transaction is found out batch by batch, and nothing is tried behind it', async () => {
    const impatient = openInstance(database.databaseUrl, 'impatient', { lockTimeoutMs: 30 });
    const names = ['a', 'b', 'c'];
    await system.apply(names.map((name) => registration(name, 1)));
    await impatient.assign.assign(names.map((name) => content(name, 'x')));
    // A foreign session is about to record the same excess: whoever comes second waits for it inside the index.
    await observer.client.query(`begin; insert into excess_contents values ('b', 'y', 'u', 'n', 'c')`);
    const late = names.map((name) => content(name, 'y'));
    const statements = await counted(impatient.metrics.retries, { reason: 'conflict' });
    expect(await impatient.assign.assign(late)).toEqual(['busy', 'busy', 'busy']);
    impatient.parked.release(Number.POSITIVE_INFINITY);
    expect(await impatient.assign.assign(late)).toEqual(['excess', 'busy', 'busy']);
    impatient.parked.release(Number.POSITIVE_INFINITY);
    expect(await counted(impatient.metrics.retries, { reason: 'conflict' })).toBe(statements + 2);
    await observer.client.query('rollback');
    expect(await impatient.assign.assign(late)).toEqual(['duplicate', 'excess', 'excess']);
    await impatient.database.close();
  });

  test('a frozen holder loses its slots after idle_in_transaction_session_timeout and cannot commit', async () => {
    const frozen = openInstance(database.databaseUrl, 'frozen', { idleInTransactionTimeoutMs: 300 });
    await system.apply([registration('b', 1)]);
    const held = await holdBeforeCommit(frozen, [content('b', 'x')]);
    const startedAt = performance.now();
    expect(await system.apply([content('b', 'y')])).toEqual(['assigned']);
    const waitedMs = performance.now() - startedAt;
    const zombie = await held.commit().catch((error: unknown) => error);
    expect(zombie).toBeInstanceOf(AppError);
    expect(zombie).toMatchObject({ code: 'UNAVAILABLE' });
    expect(waitedMs).toBeGreaterThan(150);
    process.stdout.write(`slot of a frozen holder (timeout 300 ms) was free after ${Math.round(waitedMs)} ms\n`);
    expect(await batch()).toMatchObject({ state: 'complete', slots: [{ textStorageId: 'y' }], excess: [] });
    expect(await frozen.assign.assign([content('b', 'x')])).toEqual(['excess']);
    await frozen.database.close();
  });
});

/** Lets another instance apply the inputs, and comes back when it has found their batch busy. */
async function applyUntilBusy(inputs: readonly SlotInput[]): Promise<{ told: Promise<Disposition[]> }> {
  const before = await counted(two.metrics.undecided);
  const told = system.apply(inputs, 1);
  await waitFor(async () => (await counted(two.metrics.undecided)) > before, {
    deadlineMs: 20_000,
    what: 'the batch was found busy',
  });
  return { told };
}

/** Takes the locks in the observer's session; `rollback` there gives them back. */
async function lockSlots(condition: string): Promise<void> {
  await observer.client.query('begin');
  await observer.client.query(`select 1 from slots where ${condition} for update`);
}

function each<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function tally(dispositions: readonly Disposition[]): Partial<Record<Disposition, number>> {
  const counts: Partial<Record<Disposition, number>> = {};
  for (const disposition of dispositions) counts[disposition] = (counts[disposition] ?? 0) + 1;
  return counts;
}

async function batch(): Promise<BatchSnapshot> {
  const [first] = (await system.snapshot()).batches;
  if (first === undefined) throw new Error('no batch');
  return first;
}

async function sumOfCounters(pick: (instance: Instance) => Parameters<typeof counted>[0]): Promise<number> {
  const counts = await Promise.all(system.instances.map((instance) => counted(pick(instance))));
  return counts.reduce((sum, count) => sum + count, 0);
}
