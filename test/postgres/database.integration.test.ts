/** What a caller learns from each kind of failure, and that the pool is usable after every one of them. */
import type { Socket } from 'node:net';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import type { Database, DatabaseOptions, Session } from '../../src/postgres/database.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { Observer } from '../support/batch/held-transaction.ts';
import { counted, openDatabase } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(60_000);

const OVERLONG = `insert into things select 3, string_agg(md5(n::text), '') from generate_series(1, 2000) n`;

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let observer: Observer;
let metrics: Metrics;
let database: Database;

beforeAll(async () => {
  target = await createTestDatabase();
  observer = new Observer(target.databaseUrl);
  await observer.connect();
  await observer.client.query('create table things (id int primary key, name text not null, short varchar(3))');
  await observer.client.query('create index on things (name)');
});

beforeEach(() => open({ poolMax: 1 }));
afterEach(() => database.close());

afterAll(async () => {
  await observer.close();
  await target.drop();
});

function open(options: Partial<DatabaseOptions>): void {
  metrics = new Metrics();
  database = openDatabase(target.databaseUrl, { sessionSettings: {}, ...options }, metrics);
}

const statement = (text: string) => ({ name: `test ${text.slice(0, 50)}`, text });
const run = (text: string, on: Session = database) => on.run(statement(text), []);

async function backendPid(on: Session = database): Promise<number> {
  const [row] = await on.run<{ pid: number }>(statement('select pg_backend_pid() as pid'), []);
  return row?.pid ?? 0;
}

/** Of the pool's only connection. */
async function socketOfPool(): Promise<Socket> {
  const client = await database.pool.connect();
  client.release();
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'no error'> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return 'no error';
  if (!(error instanceof AppError)) throw error;
  return error.code;
}

describe('failures of statements', () => {
  test.each<[string, string, ErrorCode, boolean]>([
    ['a repeated key', `insert into things values (1, 'a'), (1, 'b')`, 'CONFLICT', true],
    ['a missing value', 'insert into things values (1, null)', 'STORE_REFUSED', false],
    ['a value that is too long', `insert into things values (1, 'a', 'long')`, 'STORE_REFUSED', false],
    ['a number out of range', 'select 2147483647::int + 1', 'STORE_REFUSED', false],
    ['text that is no number', `select 'x'::int`, 'STORE_REFUSED', false],
    ['a text that is too long for its index', OVERLONG, 'STORE_REFUSED', false],
    ['an unknown column', 'select nothing from things', 'STORE_FAILED', false],
    ['a syntax error', 'selec', 'STORE_FAILED', false],
    ['a read-only server', 'set default_transaction_read_only = on', 'UNAVAILABLE', true],
  ])('%s', async (_, text, code, retryable) => {
    if (text.startsWith('set ')) {
      await run(text);
      expect(await codeOf(run(`insert into things values (2, 'b')`))).toBe(code);
    } else {
      expect(await codeOf(run(text))).toBe(code);
    }
    expect(new AppError(code, '').retryable).toBe(retryable);
    expect(await codeOf(database.transaction((session) => run('select 1', session)))).toBe('no error');
  });

  test('NUL in a text is refused for good', async () => {
    expect(await codeOf(database.run(statement('select $1::text'), ['a\u0000b']))).toBe('STORE_REFUSED');
  });

  test('the SQLSTATE is counted and stays in the cause', async () => {
    const error = await run(`select 'x'::int`).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining('22P02'), cause: expect.any(Error) });
    expect(await counted(metrics.databaseErrors, { sqlstate: '22P02' })).toBe(1);
  });
});

describe('a schema that changes under prepared statements', () => {
  const all = { name: 'all-plans', text: 'select * from plans' };
  const inTransaction = () => database.transaction((session) => session.run(all, []));
  beforeEach(() => run('create table plans (id int, name varchar(10))', observed));
  afterEach(() => run('drop table plans', observed));
  const observed: Session = {
    run: async (query) => {
      await observer.client.query(query.text);
      return [];
    },
  };

  test.each([
    ['another type', 'alter table plans alter name type text'],
    ['one more column', 'alter table plans add more int'],
    ['a column less', 'alter table plans drop name'],
    ['a table made anew', 'drop table plans; create table plans (id bigint, name text)'],
  ])('%s costs one attempt', async (_, change) => {
    expect(await codeOf(inTransaction())).toBe('no error');
    const before = await backendPid();
    await observer.client.query(change);
    expect(await codeOf(inTransaction())).toBe('UNAVAILABLE');
    expect(await codeOf(inTransaction())).toBe('no error');
    expect(await backendPid()).not.toBe(before);
  });

  test('statements that the session has forgotten cost one attempt', async () => {
    expect(await codeOf(inTransaction())).toBe('no error');
    await run('deallocate all');
    expect(await codeOf(inTransaction())).toBe('UNAVAILABLE');
    expect(await codeOf(inTransaction())).toBe('no error');
  });

  test('a check of our own counters is not held against the data', async () => {
    await observer.client.query('alter table plans add check (id >= 0)');
    expect(await codeOf(run('insert into plans values (-1)'))).toBe('STORE_FAILED');
  });
});

describe('limits of time', () => {
  test('waiting for a lock ends in CONFLICT', async () => {
    open({ lockTimeoutMs: 100 });
    await observer.client.query('begin; lock table things');
    expect(await codeOf(run('select * from things for update'))).toBe('CONFLICT');
    await observer.client.query('rollback');
    expect(await counted(metrics.databaseErrors, { sqlstate: '55P03' })).toBe(1);
  });

  test('a slow statement ends in STORE_TIMED_OUT', async () => {
    open({ statementTimeoutMs: 100 });
    expect(await codeOf(run('select pg_sleep(10)'))).toBe('STORE_TIMED_OUT');
    expect(await counted(metrics.databaseErrors, { sqlstate: '57014' })).toBe(1);
  });

  test('a server that does not answer in time costs a transaction its connection, and is not waited for twice', async () => {
    open({ queryTimeoutMs: 1_000, poolMax: 1 });
    const pids: number[] = [];
    let startedAt = 0;
    const slow = database.transaction(async (session) => {
      pids.push(await backendPid(session));
      startedAt = performance.now();
      await run('select pg_sleep(10)', session);
    });
    expect(await codeOf(slow)).toBe('UNAVAILABLE');
    expect(performance.now() - startedAt).toBeLessThan(1_900);
    pids.push(await backendPid());
    expect(pids[0]).not.toBe(pids[1]);
  });

  test('waiting for a connection of the pool ends in UNAVAILABLE', async () => {
    // The first connection has to be made within it as well.
    open({ poolMax: 1, connectTimeoutMs: 1_000 });
    let release: () => void = () => {};
    const busy = new Promise<void>((resolve) => {
      release = resolve;
    });
    const holder = database.transaction(() => busy);
    expect(await codeOf(run('select 1'))).toBe('UNAVAILABLE');
    expect(await codeOf(database.transaction((session) => run('select 1', session)))).toBe('UNAVAILABLE');
    release();
    await holder;
    expect(await codeOf(run('select 1'))).toBe('no error');
  });

  test('a server that is not there is UNAVAILABLE', async () => {
    const nowhere = openDatabase('postgres://postgres@127.0.0.1:1/nothing', { connectTimeoutMs: 500 });
    expect(await codeOf(nowhere.run(statement('select 1'), []))).toBe('UNAVAILABLE');
    expect(await codeOf(nowhere.transaction((session) => run('select 1', session)))).toBe('UNAVAILABLE');
    await nowhere.close();
  });
});

describe('transactions', () => {
  test('they are READ COMMITTED whatever the server says', async () => {
    open({ sessionSettings: { default_transaction_isolation: 'serializable' } });
    const level = await database.transaction((session) => run('show transaction_isolation', session));
    expect(level).toEqual([{ transaction_isolation: 'read committed' }]);
  });

  test('they roll back when the work rejects, and the connection is used again', async () => {
    const before = await backendPid();
    const failing = database.transaction(async (session) => {
      await run(`insert into things values (7, 'gone')`, session);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await run('select * from things where id = 7')).toEqual([]);
    expect(await backendPid()).toBe(before);
  });

  test('the last statement commits, and what fails in it undoes all before it', async () => {
    const before = await backendPid();
    const insert = (id: number) => statement(`insert into things values (${id}, 'last')`);
    await database.transaction(async (session) => {
      await session.run(insert(21), []);
      await session.runLast(insert(22), []);
      // Committed by now, though the transaction has not resolved.
      const { rows } = await observer.client.query(`select id from things where name = 'last' order by id`);
      expect(rows).toEqual([{ id: 21 }, { id: 22 }]);
    });
    const twice = database.transaction(async (session) => {
      await session.run(insert(23), []);
      await session.runLast(insert(22), []);
    });
    expect(await codeOf(twice)).toBe('CONFLICT');
    expect(await run(`select id from things where id = 23`)).toEqual([]);
    expect(await backendPid()).toBe(before);
  });

  test('a deadlock is CONFLICT for its victim, and the other one goes on', async () => {
    open({ poolMax: 2 });
    await observer.client.query(`insert into things values (11, 'a'), (12, 'b') on conflict do nothing`);
    const lock = (id: number, session: Session) => run(`select 1 from things where id = ${id} for update`, session);
    let arrived = 0;
    let bothHold: () => void = () => {};
    const both = new Promise<void>((resolve) => {
      bothHold = resolve;
    });
    const crossing = (first: number, second: number) =>
      database.transaction(async (session) => {
        await lock(first, session);
        arrived += 1;
        if (arrived === 2) bothHold();
        await both;
        await lock(second, session);
      });
    const codes = await Promise.all([codeOf(crossing(11, 12)), codeOf(crossing(12, 11))]);
    expect(codes.sort()).toEqual(['CONFLICT', 'no error']);
    expect(await counted(metrics.databaseErrors, { sqlstate: '40P01' })).toBe(1);
  });

  test.each(['between two statements', 'within a statement'])(
    'a session killed %s is UNAVAILABLE and replaced',
    async (when) => {
      const kill = (pid: number) => observer.client.query('select pg_terminate_backend($1)', [pid]);
      const killed = database.transaction(async (session) => {
        await run(`insert into things values (8, 'gone')`, session);
        const pid = await backendPid(session);
        if (when === 'between two statements') {
          await kill(pid);
          await run('select 1', session);
        } else {
          const sleeping = run('select pg_sleep(10)', session);
          await kill(pid);
          await sleeping;
        }
      });
      expect(await codeOf(killed)).toBe('UNAVAILABLE');
      expect(await run('select * from things where id = 8')).toEqual([]);
      expect(database.pool.totalCount).toBe(1);
    },
  );

  test('an idle session killed behind our back costs at most one call', async () => {
    await observer.client.query('select pg_terminate_backend($1)', [await backendPid()]);
    expect(['no error', 'UNAVAILABLE']).toContain(await codeOf(run('select 1')));
    expect(await codeOf(run('select 1'))).toBe('no error');
  });

  test('a session whose end arrives together with its last answer is UNAVAILABLE to whom it is handed over', async () => {
    const pid = await backendPid();
    const stream = await socketOfPool();
    const last = run('select 1');
    const next = database.transaction((session) => run('select 2', session));
    // Nothing is read before both are there: the pool hands over while the second message is being read.
    stream.pause();
    const asks = async (text: string) => (await observer.client.query(text, [pid])).rows.length === 1;
    const isIdle = () => asks(`select from pg_stat_activity where pid = $1 and state = 'idle' and query = 'select 1'`);
    await waitFor(isIdle, { deadlineMs: 10_000, what: 'the first statement is answered' });
    await observer.client.query('select pg_terminate_backend($1)', [pid]);
    const isGone = async () => !(await asks('select from pg_stat_activity where pid = $1'));
    await waitFor(isGone, { deadlineMs: 10_000, what: 'the session is gone' });
    stream.resume();
    expect(await Promise.all([codeOf(last), codeOf(next)])).toEqual(['no error', 'UNAVAILABLE']);
    expect(await codeOf(run('select 3'))).toBe('no error');
  });

  test('closing twice does no harm', async () => {
    await database.close();
    await database.close();
  });
});
