/**
 * Runs the real worker with one part of it wrong on purpose, to see that the judge notices. Whatever does not change
 * what it claims to change is refused, so that a mutant cannot rot into the original.
 */
import { Client } from 'pg';
import type { DependencyContainer } from 'tsyringe';
import { HotDatabase } from '../../../src/composition/adapters.ts';
import { Program } from '../../../src/composition/program.ts';
import { composeWorker } from '../../../src/composition/worker.ts';
import { loadConfig } from '../../../src/config/config.ts';
import type { Database, Statement, TransactionSession } from '../../../src/postgres/database.ts';
import { StartChecks } from '../../../src/worker/upkeep/start-checks.ts';
import { watchCrashPoints } from './crash-points.ts';

export interface Mutant {
  /** By name of a hot statement: text in it that is replaced. */
  readonly statements?: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>>;
  /** Run against the database before the worker starts, by one instance at a time. Must bear repetition. */
  readonly schema?: string;
  /** Replaces methods of the parts. */
  readonly alter?: (container: DependencyContainer) => void;
}

const SCHEMA_LOCK = 4_021_977;

export async function runMutant(mutant: Mutant): Promise<void> {
  const config = loadConfig();
  const container = composeWorker(config);
  if (mutant.schema !== undefined) {
    await changeSchema(config.databaseUrl, mutant.schema);
    // They would refuse to work with what is left of the schema.
    container.resolve(StartChecks).start = async () => undefined;
  }
  replaceStatements(container.resolve(HotDatabase), mutant.statements ?? {});
  mutant.alter?.(container);
  watchCrashPoints(container);
  process.stderr.write('this worker is wrong on purpose\n');
  await container.resolve(Program).run();
}

async function changeSchema(databaseUrl: string, statements: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(`begin; select pg_advisory_xact_lock(${SCHEMA_LOCK}); ${statements}; commit`);
  } finally {
    await client.end();
  }
}

function replaceStatements(database: Database, statements: NonNullable<Mutant['statements']>): void {
  const wrong = (statement: Statement): Statement => {
    let { text } = statement;
    for (const [from, to] of statements[statement.name] ?? []) {
      if (!text.includes(from)) throw new Error(`${statement.name} does not contain: ${from}`);
      text = text.replaceAll(from, to);
    }
    return { name: statement.name, text };
  };
  const run = database.run.bind(database);
  const transaction = database.transaction.bind(database);
  database.run = (statement, values) => run(wrong(statement), values);
  database.transaction = <T>(work: (session: TransactionSession) => Promise<T>) =>
    transaction((session) =>
      work({
        run: (statement, values) => session.run(wrong(statement), values),
        runLast: (statement, values) => session.runLast(wrong(statement), values),
      }),
    );
}
