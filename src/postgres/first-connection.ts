/**
 * The one connection of a start check or a migration, made before it is known who listens at the address. Whatever is
 * there, falls silent or hangs up, at any moment: it ends within its limits, at once when the signal aborts, and never
 * with an error that nobody awaits. A refusal is thrown as START_CHECK_FAILED, what may pass with time as UNAVAILABLE.
 */
import { Socket } from 'node:net';
import pg from 'pg';
import { AppError } from '../errors.ts';
import { settledWithin } from '../timing/deadline.ts';
import { refusalOf } from './refusal.ts';

const CONNECT_MS_MAX = 5_000;
const ANSWER_MS_MAX = 10_000;
const CLOSE_MS_MAX = 1_000;
const KEEP_ALIVE_MS = 10_000;
/** Classes of SQLSTATE: connection, resources, operator, system. */
const OUTAGES: ReadonlySet<string> = new Set(['08', '53', '57', '58']);

export interface FirstConnection {
  /** For what takes no time: the connection is given up where the answer does not come. */
  ask<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** For what takes as long as it takes. Rejects with the driver's error. */
  execute(text: string): Promise<void>;
}

export interface FirstConnectionOptions {
  readonly databaseUrl: string;
  readonly applicationName: string;
  readonly signal?: AbortSignal | undefined;
}

export async function withFirstConnection<T>(
  { databaseUrl, applicationName, signal }: FirstConnectionOptions,
  work: (connection: FirstConnection) => Promise<T>,
): Promise<T> {
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    stream: () => socket,
  });
  // What is awaited rejects as well; without a listener the loss of a connection ends the process.
  client.on('error', () => undefined);
  const hangUp = () => socket.destroy(new Error('given up'));
  signal?.addEventListener('abort', hangUp, { once: true });
  try {
    if (signal?.aborted === true) throw new Error('stopped before it began');
    await client.connect();
    return await work(connectionOn(client, socket));
  } catch (error) {
    throw translated(error);
  } finally {
    signal?.removeEventListener('abort', hangUp);
    // A silent server would keep the farewell waiting.
    await settledWithin(client.end(), CLOSE_MS_MAX);
    socket.destroy();
  }
}

function connectionOn(client: pg.Client, socket: Socket): FirstConnection {
  return {
    ask: async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) => {
      const silence = new Error(`no answer within ${ANSWER_MS_MAX} ms`);
      const timer = setTimeout(() => socket.destroy(silence), ANSWER_MS_MAX);
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
  if (error instanceof AppError) return error;
  const refusal = refusalOf(error);
  if (refusal !== null) return refusal;
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
