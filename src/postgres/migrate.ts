/** Applies the migrations and says which are applied: one migrator at a time, all that is pending or nothing. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import type pg from 'pg';
import { AppError } from '../errors.ts';
import { Connector, type DatabaseTarget } from './connector.ts';

/** Serialises all migrators of a database; drizzle's own migrate has no lock. */
const MIGRATION_LOCK = 7_305_118_422;
const LOCK_WAIT_MAX_MS = 120_000;
const CONNECT_TIMEOUT_MS = 5000;

export interface MigrationStatus {
  /** Names of migrations, oldest first. */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/** Applies what is pending, all of it or nothing; any number of callers at once. Returns what this call applied. */
export async function migrateUp(target: DatabaseTarget, migrationsDir = 'migrations'): Promise<{ applied: string[] }> {
  return withClient(target, async (client) => {
    await client.query(`set lock_timeout = ${LOCK_WAIT_MAX_MS}`);
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      const before = await readStatus(client, migrationsDir);
      await migrate(drizzle(client), { migrationsFolder: migrationsDir });
      return { applied: [...before.pending] };
    } finally {
      await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    }
  });
}

/** Compares the folder with the database; rejects when an applied migration is not the one in the folder. */
export async function migrationStatus(target: DatabaseTarget, migrationsDir = 'migrations'): Promise<MigrationStatus> {
  return withClient(target, (client) => readStatus(client, migrationsDir));
}

/** What `migrationStatus` says, on an open connection. */
async function readStatus(client: pg.Client, migrationsDir: string): Promise<MigrationStatus> {
  const known = readJournal(migrationsDir);
  const table = await client.query<{ found: string | null }>(
    `select to_regclass('drizzle.__drizzle_migrations')::text as found`,
  );
  const rows =
    table.rows[0]?.found == null
      ? []
      : (await client.query<{ hash: string }>('select hash from drizzle.__drizzle_migrations order by created_at'))
          .rows;
  rows.forEach(({ hash }, position) => {
    const expected = known[position];
    if (expected === undefined) {
      throw new AppError(
        'START_CHECK_FAILED',
        `the database has ${rows.length} migrations, this build knows ${known.length}`,
      );
    }
    if (expected.hash !== hash) {
      throw new AppError('START_CHECK_FAILED', `migration ${expected.name} differs from the one that was applied`);
    }
  });
  const names = known.map(({ name }) => name);
  return { applied: names.slice(0, rows.length), pending: names.slice(rows.length) };
}

function readJournal(migrationsDir: string): { name: string; hash: string }[] {
  try {
    const journal = JSON.parse(readFileSync(join(migrationsDir, 'meta', '_journal.json'), 'utf8')) as {
      entries: { tag: string }[];
    };
    return journal.entries.map(({ tag }) => {
      const text = readFileSync(join(migrationsDir, `${tag}.sql`), 'utf8');
      return { name: tag, hash: createHash('sha256').update(text).digest('hex') };
    });
  } catch (error) {
    throw new AppError('NOT_FOUND', `no migrations in ${migrationsDir}`, { cause: error });
  }
}

async function withClient<T>(target: DatabaseTarget, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const connector = new Connector({ target, name: 'els-migrate', connectTimeoutMs: CONNECT_TIMEOUT_MS, session: {} });
  const client = await connector.open();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
