/**
 * What a database says about its migrations. Which are applied stands in drizzle's own table, so that databases of
 * former builds go on; beside it stands what each of them asks of a build that does not know it. A build accepts a
 * database that is ahead of it where every unknown migration says that it may, and refuses one that differs.
 */
import { AppError } from '../errors.ts';
import type { FirstConnection } from './first-connection.ts';
import type { Migration } from './migration-folder.ts';

export interface MigrationStatus {
  /** Names of migrations, oldest first. */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** Applied by a newer build, and no hindrance to this one. Left out where there are none. */
  readonly newer?: readonly string[];
}

const CREATE = [
  ['drizzle', 'create schema drizzle'],
  [
    'drizzle.__drizzle_migrations',
    'create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)',
  ],
  [
    'drizzle.migration_readers',
    'create table drizzle.migration_readers (hash text primary key, name text not null, min_reader text)',
  ],
] as const;

/** Looks before it creates: `if not exists` asks for the right to create even where there is nothing to do. */
export async function prepareRecords(connection: FirstConnection): Promise<void> {
  for (const [name, statement] of CREATE) {
    if (!(await exists(connection, name))) await connection.ask(statement);
  }
}

export async function readStatus(
  connection: FirstConnection,
  migrations: readonly Migration[],
): Promise<MigrationStatus> {
  const records = await readRecords(connection);
  const recordOf = ({ hash, writtenAtMs }: Migration) =>
    records.find((record) => record.hash === hash || Number(record.created_at) === writtenAtMs);
  const applied = migrations.filter((migration) => recordOf(migration) !== undefined);
  for (const migration of applied) {
    if (recordOf(migration)?.hash === migration.hash) continue;
    throw new AppError('START_CHECK_FAILED', `migration ${migration.name} differs from the one that was applied`);
  }
  const known = new Set(applied.map(({ hash }) => hash));
  const unknown = records.map(({ hash }) => hash).filter((hash) => !known.has(hash));
  // Only where it matters: a user with few rights may never have been given this table.
  const readers = unknown.length > 0 ? await readReaders(connection) : [];
  const newer = unknown.map((hash) => acceptable(hash, readers, migrations));
  return {
    applied: applied.map(({ name }) => name),
    pending: migrations.filter((migration) => recordOf(migration) === undefined).map(({ name }) => name),
    ...(newer.length > 0 && { newer }),
  };
}

export async function isRecorded(connection: FirstConnection, { hash }: Migration): Promise<boolean> {
  const found = await connection.ask('select from drizzle.__drizzle_migrations where hash = $1', [hash]);
  return found.length > 0;
}

export async function recordApplied(connection: FirstConnection, { hash, writtenAtMs }: Migration): Promise<void> {
  await connection.ask('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [
    hash,
    writtenAtMs,
  ]);
}

/** Also of what a former build applied without saying it. */
export async function recordReaders(connection: FirstConnection, migrations: readonly Migration[]): Promise<void> {
  await connection.ask(
    `insert into drizzle.migration_readers (hash, name, min_reader)
     select * from unnest($1::text[], $2::text[], $3::text[])
     on conflict (hash) do nothing`,
    [
      migrations.map(({ hash }) => hash),
      migrations.map(({ name }) => name),
      migrations.map(({ minReader }) => minReader),
    ],
  );
}

interface AppliedRecord {
  readonly hash: string;
  readonly created_at: string;
}

interface ReaderRecord {
  readonly hash: string;
  readonly name: string;
  readonly min_reader: string | null;
}

async function readRecords(connection: FirstConnection): Promise<AppliedRecord[]> {
  if (!(await exists(connection, 'drizzle.__drizzle_migrations'))) return [];
  return connection.ask('select hash, created_at from drizzle.__drizzle_migrations order by created_at, id');
}

async function readReaders(connection: FirstConnection): Promise<ReaderRecord[]> {
  if (!(await exists(connection, 'drizzle.migration_readers'))) return [];
  return connection.ask('select hash, name, min_reader from drizzle.migration_readers');
}

/** The name of a migration that this build does not know. */
function acceptable(hash: string, readers: readonly ReaderRecord[], migrations: readonly Migration[]): string {
  const newest = migrations.at(-1)?.name ?? 'none';
  const reader = readers.find((one) => one.hash === hash);
  if (reader === undefined) {
    throw new AppError(
      'START_CHECK_FAILED',
      `the database has a migration (${hash.slice(0, 12)}) that this build (newest: ${newest}) does not know, ` +
        'and does not say whether older builds may run beside it: use the build that applied it',
    );
  }
  const { name, min_reader: minReader } = reader;
  if (minReader !== null && !migrations.some((one) => one.name === minReader)) {
    throw new AppError(
      'START_CHECK_FAILED',
      `the database has migration ${name}, which needs a build that knows ${minReader}; ` +
        `the newest that this build knows is ${newest}: use a newer build`,
    );
  }
  return name;
}

async function exists(connection: FirstConnection, name: string): Promise<boolean> {
  const kind = name.includes('.') ? 'to_regclass' : 'to_regnamespace';
  const [row] = await connection.ask<{ found: boolean }>(`select ${kind}($1) is not null as found`, [name]);
  return row?.found === true;
}
