/**
 * Applies the migrations and says which are applied, beside workers at work and other migrators.
 * - One migrator at a time, by an advisory lock of a transaction on a connection of its own, so that it also holds
 *   through a pooler that gives every transaction another server connection.
 * - Each migration is one transaction and waits for a lock no longer than traffic can wait behind it; then it steps
 *   back, lets traffic pass and tries again.
 * - Indexes that are built concurrently are repeated until they are valid; what a failed try left is dropped.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, describeError } from '../errors.ts';
import { backoffMs } from '../timing/backoff.ts';
import type { DatabaseTarget } from './connector.ts';
import { type FirstConnection, isOutage, sqlStateOf, withFirstConnection } from './first-connection.ts';
import { type Migration, readMigrations, withoutComments } from './migration-folder.ts';
import {
  isRecorded,
  type MigrationStatus,
  prepareRecords,
  readStatus,
  recordApplied,
  recordReaders,
} from './migration-records.ts';
import { refusalOf } from './refusal.ts';

/** Serialises all migrators of a database; drizzle's own migrate has no lock. */
const MIGRATION_LOCK = 7_305_118_422;
const BEGIN = 'begin isolation level read committed read write';
/** Everybody who comes later waits behind a migration that waits. */
const LOCK_TIMEOUT_MS = 2_000;
/** Time for traffic between two tries. */
const RETRY_DELAY_MIN_MS = 500;
const RETRY_DELAY_MAX_MS = 5_000;
const WAIT_MS_MAX = 600_000;
const TURN_POLL_MS = 200;
const PROGRESS_INTERVAL_MS = 10_000;
/** Other sessions were in the way: lock timeout, deadlock. */
const IN_THE_WAY: ReadonlySet<string> = new Set(['55P03', '40P01']);

export interface MigrateOptions {
  /** Says what it waits for. */
  readonly onProgress?: (line: string) => void;
  /** For all its waiting together: for other migrators, and for sessions that hold a table. */
  readonly waitMsMax?: number;
  readonly signal?: AbortSignal | undefined;
}

interface Run {
  readonly onProgress: (line: string) => void;
  readonly endMs: number;
}

/** Applies what is pending, one migration after the other; any number of callers at once. Returns what it applied. */
export async function migrateUp(
  target: DatabaseTarget,
  migrationsDir = 'migrations',
  options: MigrateOptions = {},
): Promise<{ applied: string[] }> {
  const migrations = readMigrations(migrationsDir);
  const connection = { target, applicationName: 'els-migrate', signal: options.signal };
  const run: Run = {
    onProgress: options.onProgress ?? (() => undefined),
    endMs: performance.now() + (options.waitMsMax ?? WAIT_MS_MAX),
  };
  return withFirstConnection(connection, async (turn) => {
    await takeTurn(turn, run);
    return withFirstConnection(connection, (session) => applyPending(session, migrations, run));
  });
}

/** Compares the folder with the database; rejects when they differ or the database asks for a newer build. */
export async function migrationStatus(
  target: DatabaseTarget,
  migrationsDir = 'migrations',
  signal?: AbortSignal,
): Promise<MigrationStatus> {
  const migrations = readMigrations(migrationsDir);
  const connection = { target, applicationName: 'els-migrate', signal };
  return withFirstConnection(connection, (session) => readStatus(session, migrations));
}

/**
 * Leaves the connection in the transaction that holds the lock; closing it gives the turn on. Tried again and again
 * instead of waited for: a statement that waits keeps a snapshot, for which a concurrent index of the holder would wait.
 */
async function takeTurn(turn: FirstConnection, run: Run): Promise<void> {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    await turn.ask(BEGIN);
    await withoutLimits(turn);
    // Without parameters: their protocol leaves a portal open, with a snapshot that a concurrent index waits for.
    const [row] = await turn.ask<{ taken: boolean }>(`select pg_try_advisory_xact_lock(${MIGRATION_LOCK}) as taken`);
    if (row?.taken === true) return;
    await turn.ask('rollback');
    if (performance.now() > run.endMs) throw new AppError('UNAVAILABLE', 'another migrator is still at work');
    if (performance.now() - toldAtMs > PROGRESS_INTERVAL_MS) {
      toldAtMs = performance.now();
      run.onProgress('waiting for another migrator');
    }
    await delay(TURN_POLL_MS);
  }
}

async function applyPending(session: FirstConnection, migrations: readonly Migration[], run: Run) {
  await prepareRecords(session);
  const status = await readStatus(session, migrations);
  await recordReaders(
    session,
    migrations.filter(({ name }) => status.applied.includes(name)),
  );
  const applied: string[] = [];
  for (const migration of migrations.filter(({ name }) => status.pending.includes(name))) {
    if (migration.isOutsideTransaction) await buildIndexes(session, migration, run);
    const isMine = await retryingLocks(session, migration, run, () => inTransaction(session, migration));
    if (isMine) applied.push(migration.name);
  }
  return { applied };
}

/**
 * The statements and their record, or neither. The records are locked first: should the connection that keeps the turn
 * be lost, the next migrator waits here. False when it had applied this one already.
 */
async function inTransaction(session: FirstConnection, migration: Migration): Promise<boolean> {
  await session.ask(BEGIN);
  await withoutLimits(session);
  await session.ask(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await session.ask('lock table drizzle.__drizzle_migrations in share row exclusive mode');
  if (await isRecorded(session, migration)) {
    await session.ask('rollback');
    return false;
  }
  if (!migration.isOutsideTransaction) {
    for (const statement of migration.statements) await session.execute(statement);
  }
  await recordReaders(session, [migration]);
  await recordApplied(session, migration);
  await session.execute('commit');
  return true;
}

/** Limits of the role or the server are meant for traffic. Not all exist in every version. */
async function withoutLimits(session: FirstConnection): Promise<void> {
  await session.ask(`
    select set_config(name, '0', true) from pg_settings
    where name in ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')`);
}

/** Waits for others without holding anybody up, so it has no lock timeout of ours. */
async function buildIndexes(session: FirstConnection, migration: Migration, run: Run): Promise<void> {
  for (const statement of migration.statements) {
    await retryingLocks(session, migration, run, async () => {
      const text = withoutComments(statement);
      const index = text.match(/^create (?:unique )?index concurrently (?:if not exists )?("[^"]+"|\S+)/i)?.[1];
      const state = index === undefined ? 'missing' : await indexState(session, index);
      if (state === 'valid') return;
      if (state === 'invalid') {
        run.onProgress(`${migration.name}: dropping what a failed try left of ${index}`);
        await session.execute(`drop index concurrently if exists ${index}`);
      }
      run.onProgress(`${migration.name}: ${text.split('\n')[0]}`);
      await session.execute(text);
    });
  }
}

async function indexState(session: FirstConnection, index: string): Promise<'missing' | 'valid' | 'invalid'> {
  const [row] = await session.ask<{ usable: boolean }>(
    'select indisvalid and indisready as usable from pg_index where indexrelid = to_regclass($1)',
    [index],
  );
  if (row === undefined) return 'missing';
  return row.usable ? 'valid' : 'invalid';
}

async function retryingLocks<T>(
  session: FirstConnection,
  migration: Migration,
  run: Run,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      await session.ask('rollback').catch(() => undefined);
      // What the connection is to blame for, or a missing right, is told as what it is.
      if (isOutage(error) || refusalOf(error) !== null) throw error;
      if (!IN_THE_WAY.has(sqlStateOf(error))) {
        throw new AppError('STORE_FAILED', `migration ${migration.name} failed`, { cause: error });
      }
      if (performance.now() > run.endMs) {
        throw new AppError('UNAVAILABLE', `migration ${migration.name} cannot get its locks`, { cause: error });
      }
      run.onProgress(`${migration.name} waits for other sessions, try ${tries}: ${describeError(error)}`);
      await delay(backoffMs(tries, RETRY_DELAY_MIN_MS, RETRY_DELAY_MAX_MS));
    }
  }
}
