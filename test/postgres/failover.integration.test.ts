/** Two real servers, one of which follows the other: the one that takes writes is found, whatever becomes of them. */
import pg from 'pg';
import { Connector } from '../../src/postgres/connector.ts';
import type { Database } from '../../src/postgres/database.ts';
import { migrateUp } from '../../src/postgres/migrate.ts';
import { openDatabase } from '../support/servers/open-database.ts';
import { OwnServers, type PostgresServer } from '../support/servers/own-servers.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(120_000);

const FOUND_MS_MAX = 3000;
const INSERT = { name: 'insert-thing', text: 'insert into things default values returning id' };

let servers: OwnServers;
let primary: PostgresServer;
let standby: PostgresServer;
let database: Database;
let url: string;

beforeEach(async () => {
  servers = await OwnServers.open();
  primary = await servers.postgres();
  await on(primary, 'create table things (id serial primary key)');
  standby = await servers.standbyOf(primary);
  url = `postgres://postgres@127.0.0.1:${standby.port},127.0.0.1:${primary.port}/postgres`;
  database = openDatabase(url, { poolMax: 2, statementTimeoutMs: 4000, queryTimeoutMs: 5000 });
});

afterEach(async () => {
  await servers.close();
  await database.close();
});

async function on(server: PostgresServer, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: `postgres://postgres@127.0.0.1:${server.port}/postgres` });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** How long writes were not possible, from now on. */
async function writesAgainMs(): Promise<number> {
  const startedAtMs = performance.now();
  const works = () =>
    database.run(INSERT, []).then(
      () => true,
      () => false,
    );
  await waitFor(works, { deadlineMs: 20_000, what: 'a write that succeeds' });
  return performance.now() - startedAtMs;
}

test('the writable host is found wherever it stands, also by migrations', async () => {
  await database.run(INSERT, []);
  expect(await migrateUp(url)).toEqual({ applied: expect.arrayContaining(['0000_tables']) });
  const alone = openDatabase(`postgres://postgres@127.0.0.1:${standby.port}/postgres`);
  await expect(alone.run(INSERT, [])).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('read-only standby'),
  });
  await alone.close();
});

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'after %s of the primary, the promoted one is found in under 3 s',
  async (signal) => {
    const hanging = Promise.all([database.run(INSERT, []), database.run(INSERT, [])]);
    await hanging;
    await primary.server.kill(signal);
    const stuck = Promise.allSettled([database.run(INSERT, []), database.run(INSERT, [])]);
    await on(standby, 'select pg_promote()');
    const tookMs = await writesAgainMs();
    process.stdout.write(`writes again ${tookMs.toFixed(0)} ms after promotion, the former primary had ${signal}\n`);
    expect(tookMs).toBeLessThan(FOUND_MS_MAX);
    await stuck;
    if (signal === 'SIGKILL') return;
    // It comes back and takes writes as if nothing had happened; whoever has seen its successor does not return to it.
    await primary.server.kill('SIGCONT');
    await Promise.all(Array.from({ length: 10 }, () => database.run(INSERT, [])));
    const fresh = new Connector({ target: url, name: 'fresh', connectTimeoutMs: 3000, session: {} });
    const client = await fresh.open({ limitMs: 10_000 });
    expect(client.port).toBe(standby.port);
    await client.end();
  },
);

test('a primary that takes no writes any more is left at once, though it keeps its connections', async () => {
  await database.transaction((session) => session.run(INSERT, []));
  await on(standby, 'select pg_promote()');
  await on(primary, 'alter system set default_transaction_read_only = on');
  await on(primary, 'select pg_reload_conf()');
  const [shown] = await on(primary, 'show default_transaction_read_only');
  expect(shown).toEqual({ default_transaction_read_only: 'on' });
  expect(await writesAgainMs()).toBeLessThan(FOUND_MS_MAX);
  const [{ port } = { port: 0 }] = await database.run<{ port: number }>(
    { name: 'where', text: 'select inet_server_port() as port' },
    [],
  );
  expect(port).toBe(standby.port);
});

describe('refusals that pass with time', () => {
  const own = (server: PostgresServer) => `postgres://postgres@127.0.0.1:${server.port}/postgres`;
  const holdSession = async (server: PostgresServer) => {
    const client = new pg.Client({ connectionString: own(server) });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };

  test('a server without a free connection is unavailable until there is one', async () => {
    await on(primary, 'alter system set max_connections = 8');
    await on(primary, 'alter system set superuser_reserved_connections = 0');
    await primary.server.stop();
    await primary.server.start();
    const held: pg.Client[] = [];
    const fill = async () => {
      for (;;) held.push(await holdSession(primary));
    };
    await expect(fill()).rejects.toMatchObject({ code: '53300' });
    const late = openDatabase(own(primary));
    await expect(late.run(INSERT, [])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await held.pop()?.end();
    await waitFor(
      () =>
        late.run(INSERT, []).then(
          () => true,
          () => false,
        ),
      { deadlineMs: 10_000, what: 'a write after a connection became free' },
    );
    await Promise.all([late.close(), ...held.map((client) => client.end())]);
  });

  test('a server that shuts down as soon as its last client leaves is not waited for beside another', async () => {
    const last = await holdSession(primary);
    await primary.server.kill('SIGTERM');
    await waitFor(
      () =>
        on(primary, 'select').then(
          () => false,
          (error: unknown) => error instanceof pg.DatabaseError && error.code === '57P03',
        ),
      { deadlineMs: 10_000, what: 'the refusal of a server that shuts down' },
    );
    const alone = openDatabase(own(primary));
    await expect(alone.run(INSERT, [])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await alone.close();
    await on(standby, 'select pg_promote()');
    const both = openDatabase(url);
    await both.run(INSERT, []);
    await both.close();
    await last.end();
  });
});
