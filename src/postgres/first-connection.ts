/**
 * The one connection of a start check or a migration, made before it is known who listens at the address. Whatever is
 * there, falls silent or hangs up, at any moment: it ends within its limits, at once when the signal aborts, and never
 * with an error that nobody awaits. A refusal is thrown as START_CHECK_FAILED, what may pass with time as UNAVAILABLE.
 */
import pg from 'pg';
import { AppError } from '../errors.ts';
import { settledWithin } from '../timing/deadline.ts';
import { Connector, type DatabaseTarget, streamOf } from './connector.ts';
import { refusalOf } from './refusal.ts';

const CONNECT_MS_MAX = 5_000;
const ANSWER_MS_MAX = 10_000;
const CLOSE_MS_MAX = 1_000;
/** Classes of SQLSTATE: connection, resources, operator, system. */
const OUTAGES: ReadonlySet<string> = new Set(['08', '53', '57', '58']);

export interface FirstConnection {
  /** For what takes no time: the connection is given up where the answer does not come. */
  ask<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** For what takes as long as it takes. Rejects with the driver's error. */
  execute(text: string): Promise<void>;
}

export interface FirstConnectionOptions {
  readonly target: DatabaseTarget;
  readonly applicationName: string;
  readonly signal?: AbortSignal | undefined;
}

export async function withFirstConnection<T>(
  { target, applicationName: name, signal }: FirstConnectionOptions,
  work: (connection: FirstConnection) => Promise<T>,
): Promise<T> {
  let client: pg.Client | undefined;
  const hangUp = () => client !== undefined && streamOf(client).destroy();
  try {
    const connector = new Connector({ target, name, connectTimeoutMs: CONNECT_MS_MAX, session: {} });
    client = await connector.open({ signal, limitMs: ANSWER_MS_MAX });
    signal?.addEventListener('abort', hangUp, { once: true });
    return await work(connectionOn(client));
  } catch (error) {
    throw translated(error);
  } finally {
    signal?.removeEventListener('abort', hangUp);
    // A silent server would keep the farewell waiting.
    if (client !== undefined) await settledWithin(client.end(), CLOSE_MS_MAX);
    hangUp();
  }
}

function connectionOn(client: pg.Client): FirstConnection {
  return {
    ask: async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) => {
      const timer = setTimeout(() => streamOf(client).destroy(), ANSWER_MS_MAX);
      try {
        return (await client.query<Row>(text, [...values])).rows;
      } finally {
        clearTimeout(timer);
      }
    },
    execute: async (text) => {
      await client.query(text);
    },
  };
}

function translated(error: unknown): AppError {
  if (error instanceof AppError && error.code !== 'UNAVAILABLE') return error;
  const refusal = refusalOf(error);
  if (refusal !== null) return refusal;
  if (error instanceof AppError) return error;
  return isOutage(error)
    ? new AppError('UNAVAILABLE', 'the database cannot be reached', { cause: error })
    : new AppError('STORE_FAILED', `the database failed (${sqlStateOf(error)})`, { cause: error });
}

/** The server or the way to it is to blame, not what was asked. */
export function isOutage(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  return sqlState === '' || OUTAGES.has(sqlState.slice(0, 2)) || sqlState === '55000';
}

/** Empty where it is no answer of a server. */
export function sqlStateOf(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.code ?? '') : '';
}
