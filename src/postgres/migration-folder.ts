/**
 * The migrations of this build as drizzle-kit writes them, with what we add: lines at the top of a file that begin with
 * `-- els:`. Any file may say
 * - `-- els: min-reader 0007_name`: a build that does not know that migration must not run on a database that has this
 *   one. Without it the migration promises to be additive: older builds go on working, and a rollback needs no other
 *   schema.
 * - `-- els: outside-transaction`: its statements create or drop indexes concurrently, while everybody works.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../errors.ts';

const BREAKPOINT = '--> statement-breakpoint';
const NOTE = /^-- els: (\S+) ?(\S*)\s*$/gm;
/** What can be repeated after a try that failed half-way. */
const CONCURRENT = /^(create (unique )?index concurrently|drop index concurrently if exists)\s/i;

export interface Migration {
  readonly name: string;
  /** Of the text, as drizzle computes it. */
  readonly hash: string;
  /** The time at which it was written; drizzle's identity of a migration. */
  readonly writtenAtMs: number;
  readonly statements: readonly string[];
  /** The migration that a build must know to run beside this one; null where any build may. */
  readonly minReader: string | null;
  readonly isOutsideTransaction: boolean;
}

export function readMigrations(folder: string): Migration[] {
  let migrations: Migration[];
  try {
    const journal = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
      entries: { tag: string; when: number }[];
    };
    migrations = journal.entries.map(({ tag, when }) =>
      parseMigration(tag, when, readFileSync(join(folder, `${tag}.sql`), 'utf8')),
    );
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('NOT_FOUND', `no migrations in ${folder}`, { cause: error });
  }
  for (const { name, minReader } of migrations) {
    if (minReader !== null && !migrations.some((one) => one.name === minReader)) {
      throw new AppError('INVALID_INPUT', `migration ${name} names the unknown min-reader ${minReader}`);
    }
  }
  return migrations;
}

function parseMigration(name: string, writtenAtMs: number, text: string): Migration {
  const notes = new Map<string, string>();
  for (const [, key = '', value = ''] of text.matchAll(NOTE)) {
    if (key !== 'min-reader' && key !== 'outside-transaction') {
      throw new AppError('INVALID_INPUT', `migration ${name} has the unknown note ${key}`);
    }
    notes.set(key, value);
  }
  const statements = text
    .split(BREAKPOINT)
    .map((statement) => statement.trim())
    .filter((statement) => withoutComments(statement) !== '');
  const isOutsideTransaction = notes.has('outside-transaction');
  const unrepeatable = statements.find((statement) => !CONCURRENT.test(withoutComments(statement)));
  if (isOutsideTransaction && unrepeatable !== undefined) {
    throw new AppError('INVALID_INPUT', `migration ${name} can only create or drop indexes concurrently`);
  }
  return {
    name,
    hash: createHash('sha256').update(text).digest('hex'),
    writtenAtMs,
    statements,
    minReader: notes.get('min-reader') ?? null,
    isOutsideTransaction,
  };
}

export function withoutComments(statement: string): string {
  return statement.replace(/^\s*--.*$/gm, '').trim();
}
