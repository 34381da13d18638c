/** Migrations beside workers at work, builds that know more or less, and tries that fail half-way. */
import { Client } from 'pg';
import { migrateUp, migrationStatus } from '../../src/postgres/migrate.ts';
import { Observer } from '../support/batch/held-transaction.ts';
import { createEmptyDatabase } from '../support/servers/empty-database.ts';
import { MigrationFolder } from '../support/servers/migration-folder.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(60_000);

let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
let folder: MigrationFolder;
const clients: Client[] = [];

beforeEach(async () => {
  database = await createEmptyDatabase();
  folder = new MigrationFolder();
  await migrateUp(database.databaseUrl);
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));
  folder.remove();
  await database.drop();
});

async function connect(): Promise<Client> {
  const client = new Client({ connectionString: database.databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}

const up = (lines: string[] = []) =>
  migrateUp(database.databaseUrl, folder.path, { onProgress: (line) => lines.push(line) });

describe('a migration that needs a table which somebody reads for long', () => {
  test('holds up the statements of others no longer than its lock timeout, and gets through in the end', async () => {
    folder.add('0900_column', 'alter table batches add column shade text');
    const reader = await connect();
    await reader.query('begin');
    await reader.query('select count(*) from batches');
    const lines: string[] = [];
    const migrated = up(lines);
    const worker = await connect();
    await worker.query("set statement_timeout = '4s'");
    await waitFor(() => lines.some((line) => line.includes('try 2')), { deadlineMs: 30_000, what: 'two tries' });
    await worker.query("insert into batches (id, state) values ('b', 'announced')");
    expect(lines.some((line) => line.startsWith('0900_column waits for other sessions'))).toBe(true);
    await reader.query('commit');
    expect(await migrated).toEqual({ applied: ['0900_column'] });
    expect((await worker.query('select shade from batches')).rows).toEqual([{ shade: null }]);
  });

  test('keeps what came before it, and the one after a failure comes again', async () => {
    folder
      .add('0900_first', 'create table first_one ()')
      .add('0901_second', 'create table second_one (); select 1 / 0');
    await expect(up()).rejects.toMatchObject({ message: expect.stringContaining('0901_second') });
    const status = await migrationStatus(database.databaseUrl, folder.path);
    expect(status.pending).toEqual(['0901_second']);
    const client = await connect();
    expect((await client.query("select to_regclass('second_one') as found")).rows).toEqual([{ found: null }]);
  });

  test('gives up at the end of its time and says which', async () => {
    folder.add('0900_column', 'alter table batches add column shade text');
    const reader = await connect();
    await reader.query('begin');
    await reader.query('select count(*) from batches');
    const waiting = migrateUp(database.databaseUrl, folder.path, { waitMsMax: 0 });
    await expect(waiting).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('0900_column'),
    });
  });

  test('a migrator that dies in the middle leaves nothing, and the next one goes on', async () => {
    folder.add('0900_slow', 'create table half (); select pg_sleep(60)');
    const dying = up();
    const observer = await connect();
    const kill = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'els-migrate' and query like '%pg_sleep%'
        and state = 'active'`;
    await waitFor(async () => (await observer.query(kill)).rows.length === 1, { deadlineMs: 20_000, what: 'a victim' });
    await expect(dying).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    folder.dropLast().add('0900_slow', 'create table half ()');
    expect(await up()).toEqual({ applied: ['0900_slow'] });
  });
});

describe('an index that is built concurrently', () => {
  const BUILD = `-- els: outside-transaction
create index concurrently batches_by_state on batches (state)`;

  test('waits for an open transaction while others write, and several migrators do not wait for each other', async () => {
    folder.add('0900_index', BUILD);
    const writer = await connect();
    await writer.query('begin');
    await writer.query("insert into batches (id, state) values ('open', 'announced')");
    const runs = Promise.all([up(), up(), up()]);
    const observer = new Observer(database.databaseUrl);
    await observer.connect();
    await observer.waitForBlocked(1);
    await observer.client.query("insert into batches (id, state) values ('meanwhile', 'announced')");
    await observer.close();
    await writer.query('commit');
    expect((await runs).flatMap(({ applied }) => applied)).toEqual(['0900_index']);
    expect(await isValid('batches_by_state')).toBe(true);
  });

  test('is dropped and built again where a former try left it invalid', async () => {
    folder.add(
      '0900_index',
      `-- els: outside-transaction
create unique index concurrently batches_one_per_state on batches (state)`,
    );
    const client = await connect();
    await client.query("insert into batches (id, state) values ('a', 'announced'), ('b', 'announced')");
    await expect(up()).rejects.toMatchObject({ message: expect.stringContaining('0900_index') });
    expect(await isValid('batches_one_per_state')).toBe(false);
    await client.query("delete from batches where id = 'b'");
    expect(await up()).toEqual({ applied: ['0900_index'] });
    expect(await isValid('batches_one_per_state')).toBe(true);
  });

  test('that was built, but not recorded, is kept', async () => {
    folder.add('0900_index', BUILD);
    const client = await connect();
    await client.query('create index batches_by_state on batches (state)');
    expect(await up()).toEqual({ applied: ['0900_index'] });
  });

  test('shares no file with statements that cannot be repeated', async () => {
    folder.add('0900_mixed', `${BUILD};\n--> statement-breakpoint\nalter table batches add column shade text`);
    await expect(up()).rejects.toMatchObject({ message: expect.stringContaining('0900_mixed') });
  });

  async function isValid(name: string): Promise<boolean | undefined> {
    const client = await connect();
    const { rows } = await client.query<{ valid: boolean }>(
      'select indisvalid as valid from pg_index where indexrelid = to_regclass($1)',
      [name],
    );
    return rows[0]?.valid;
  }
});

describe('a database that is ahead of a build', () => {
  const status = () => migrationStatus(database.databaseUrl);

  test('is accepted where the newer migrations are additive, also by its migrate up', async () => {
    folder.add('0900_more', 'alter table batches add column shade text');
    await up();
    expect(await status()).toMatchObject({ pending: [], newer: ['0900_more'] });
    expect(await migrateUp(database.databaseUrl)).toEqual({ applied: [] });
  });

  test('is refused from the migration on that says so, by name', async () => {
    folder.add('0900_more', 'alter table batches add column shade text');
    folder.add('0901_break', '-- els: min-reader 0900_more\nalter table batches drop column tracestate');
    await up();
    await expect(status()).rejects.toMatchObject({
      code: 'START_CHECK_FAILED',
      message: expect.stringMatching(/0901_break.*0900_more/),
    });
    const between = new MigrationFolder().add('0900_more', 'alter table batches add column shade text');
    expect(await migrationStatus(database.databaseUrl, between.path)).toMatchObject({ newer: ['0901_break'] });
    between.remove();
  });

  test('is refused where nobody said, and where an applied migration was changed', async () => {
    const client = await connect();
    await client.query(
      "insert into drizzle.__drizzle_migrations (hash, created_at) values ('tomorrow', 9999999999999)",
    );
    await expect(status()).rejects.toMatchObject({ code: 'START_CHECK_FAILED' });
    await client.query("delete from drizzle.__drizzle_migrations where hash = 'tomorrow'");
    await client.query(`update drizzle.__drizzle_migrations set hash = 'changed'
      where id = (select max(id) from drizzle.__drizzle_migrations)`);
    await expect(status()).rejects.toMatchObject({ message: expect.stringContaining('differs') });
  });

  test('what a file asks for must exist', async () => {
    folder.add('0900_typo', '-- els: min-reader 0900_tpyo\nselect 1');
    await expect(up()).rejects.toMatchObject({ message: expect.stringContaining('0900_tpyo') });
  });
});
