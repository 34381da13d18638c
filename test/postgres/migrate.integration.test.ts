import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { Client } from 'pg';
import { migrateUp, migrationStatus } from '../../src/postgres/migrate.ts';
import { Observer } from '../support/batch/held-transaction.ts';
import { createEmptyDatabase } from '../support/servers/empty-database.ts';
import { waitFor } from '../support/wait-for.ts';

const AT_ONCE = 5;
const NAMES: string[] = JSON.parse(readFileSync('migrations/meta/_journal.json', 'utf8')).entries.map(
  ({ tag }: { tag: string }) => tag,
);

/** Those that drizzle's own migrator can apply: it takes one transaction for all. */
const ORDINARY = NAMES.filter(
  (name) => !readFileSync(`migrations/${name}.sql`, 'utf8').includes('outside-transaction'),
);

let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
/** Of the ordinary ones. */
let ordinaryFolder: string;

jest.setTimeout(60_000);

beforeEach(async () => {
  database = await createEmptyDatabase();
});

afterEach(() => database.drop());

beforeAll(() => {
  ordinaryFolder = mkdtempSync(join(tmpdir(), 'els-migrations-'));
  cpSync('migrations', ordinaryFolder, { recursive: true });
  const journal = JSON.parse(readFileSync('migrations/meta/_journal.json', 'utf8'));
  const entries = journal.entries.filter(({ tag }: { tag: string }) => ORDINARY.includes(tag));
  writeFileSync(join(ordinaryFolder, 'meta', '_journal.json'), JSON.stringify({ ...journal, entries }));
});

afterAll(() => rmSync(ordinaryFolder, { recursive: true }));

describe('migrations', () => {
  test('five callers at once on an empty database all succeed, and one of them applied everything', async () => {
    const results = await Promise.all(Array.from({ length: AT_ONCE }, () => migrateUp(database.databaseUrl)));
    const applied = results.map((result) => result.applied).filter((names) => names.length > 0);
    expect(applied).toEqual([NAMES]);
    expect(await migrationStatus(database.databaseUrl)).toEqual({ applied: NAMES, pending: [] });
    expect(await query('select count(*)::int as value from drizzle.__drizzle_migrations')).toBe(NAMES.length);
  });

  test('without the lock most of five callers at once fail', async () => {
    const clients = Array.from({ length: AT_ONCE }, () => new Client({ connectionString: database.databaseUrl }));
    await Promise.all(clients.map((client) => client.connect()));
    const results = await Promise.allSettled(
      clients.map((client) => migrate(drizzle(client), { migrationsFolder: ordinaryFolder })),
    );
    await Promise.all(clients.map((client) => client.end()));
    const failed = results.filter(({ status }) => status === 'rejected').length;
    process.stdout.write(`drizzle's migrate without a lock: ${failed} of ${AT_ONCE} failed\n`);
    expect(failed).toBeGreaterThan(0);
  });

  test('a caller waits while another one holds the lock', async () => {
    const observer = new Observer(database.databaseUrl);
    await observer.connect();
    const statement = readFileSync('src/postgres/migrate.ts', 'utf8').match(/MIGRATION_LOCK = ([\d_]+)/)?.[1];
    await observer.client.query('select pg_advisory_lock($1)', [statement?.replaceAll('_', '')]);
    const lines: string[] = [];
    const waiting = migrateUp(database.databaseUrl, 'migrations', { onProgress: (line) => lines.push(line) });
    await waitFor(() => lines.length > 0, { deadlineMs: 20_000, what: 'a migrator that waits' });
    expect(lines).toEqual(['waiting for another migrator']);
    expect(await migrationStatus(database.databaseUrl)).toEqual({ applied: [], pending: NAMES });
    await observer.client.query('select pg_advisory_unlock_all()');
    expect(await waiting).toEqual({ applied: NAMES });
    await observer.close();
  });

  test('a second run applies nothing', async () => {
    await migrateUp(database.databaseUrl);
    expect(await migrateUp(database.databaseUrl)).toEqual({ applied: [] });
  });

  test('a migration that was changed after it was applied is refused by name', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'els-migrations-'));
    try {
      cpSync('migrations', folder, { recursive: true });
      await migrateUp(database.databaseUrl, folder);
      writeFileSync(join(folder, '0001_storage.sql'), 'select 1;');
      const refusal = { code: 'START_CHECK_FAILED', message: expect.stringContaining('0001_storage') };
      await expect(migrationStatus(database.databaseUrl, folder)).rejects.toMatchObject(refusal);
      await expect(migrateUp(database.databaseUrl, folder)).rejects.toMatchObject(refusal);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a database that is ahead of this build is refused', async () => {
    await migrateUp(database.databaseUrl);
    await query(`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of tomorrow', 9999999999999)`);
    await expect(migrationStatus(database.databaseUrl)).rejects.toMatchObject({ code: 'START_CHECK_FAILED' });
  });

  test('a migration that fails leaves nothing of itself behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'els-migrations-'));
    try {
      cpSync('migrations', folder, { recursive: true });
      writeFileSync(join(folder, '0001_storage.sql'), 'create table half (); select 1 / 0;');
      await expect(migrateUp(database.databaseUrl, folder)).rejects.toThrow();
      expect(await query(`select to_regclass('half')::text as value`)).toBeNull();
      expect(await migrationStatus(database.databaseUrl, folder)).toMatchObject({ applied: ['0000_tables'] });
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(await migrateUp(database.databaseUrl)).toEqual({ applied: NAMES.slice(1) });
  });

  test('a database that drizzle migrated goes on', async () => {
    const client = new Client({ connectionString: database.databaseUrl });
    await client.connect();
    await migrate(drizzle(client), { migrationsFolder: ordinaryFolder });
    await client.end();
    const rest = NAMES.filter((name) => !ORDINARY.includes(name));
    expect(await migrationStatus(database.databaseUrl)).toEqual({ applied: ORDINARY, pending: rest });
    expect(await migrateUp(database.databaseUrl)).toEqual({ applied: rest });
  });

  test('a folder without migrations is named', async () => {
    await expect(migrationStatus(database.databaseUrl, 'no-such-folder')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('no-such-folder'),
    });
  });

  test('a server that does not answer may be asked again', async () => {
    const refusal = migrationStatus('postgres://postgres@127.0.0.1:1/nothing');
    await expect(refusal).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  });
});

async function query(text: string): Promise<unknown> {
  const client = new Client({ connectionString: database.databaseUrl });
  await client.connect();
  try {
    return (await client.query<{ value: unknown }>(text)).rows[0]?.value;
  } finally {
    await client.end();
  }
}
