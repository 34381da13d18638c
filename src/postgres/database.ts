/**
 * A pool with limits on everything: waiting for a connection, locks, statements, answers, idle transactions. A
 * connection that failed in an unknown state is closed, not reused; where there are several hosts, all connections to
 * one that no longer takes writes are closed as soon as one of them is in trouble.
 */
import pg from 'pg';
import { AppError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { Connector, connectFailure, type DatabaseTarget, streamOf } from './connector.ts';
import { CAN_WORK } from './sql/can-work.ts';
import { meaningOf } from './sql-state.ts';

/** A hand-written statement. The name is the file's name, the prepared statement's name and the metric's label. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** A statement that takes this long makes one look whether another host is the primary now. */
const SUSPICIOUS_MS = 1000;

export interface DatabaseOptions {
  readonly url: DatabaseTarget;
  /** Shown in metrics and as application_name. */
  readonly name: string;
  readonly poolMax: number;
  readonly connectTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly queryTimeoutMs: number;
  /** Frees the slots of a frozen worker; must be shorter than the Kafka session. */
  readonly idleInTransactionTimeoutMs: number;
  /** Extra session settings, e.g. HOT_PLAN_SETTINGS. */
  readonly sessionSettings?: Readonly<Record<string, string>>;
  /** None if not given. */
  readonly tracing?: Tracing;
}

/**
 * Plans of the hot statements must not depend on statistics, which are missing on a new table and wrong on a growing
 * one: index probes are pinned in the SQL, joins of materialized parts are hashed, nothing is compiled or replanned.
 */
export const HOT_PLAN_SETTINGS: Readonly<Record<string, string>> = {
  jit: 'off',
  enable_seqscan: 'off',
  enable_nestloop: 'off',
  enable_mergejoin: 'off',
  plan_cache_mode: 'force_generic_plan',
};

/** Runs statements of one connection or of the pool. Failures are AppErrors: CONFLICT, UNAVAILABLE, STORE_FAILED. */
export interface Session {
  run<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

export interface TransactionSession extends Session {
  /** The last statement of the transaction: the commit is sent right behind it, and undoes all if the statement fails. */
  runLast<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

export class Database implements Session {
  readonly pool: pg.Pool;
  private readonly metrics: Metrics;
  /** Undefined where nobody records. */
  private readonly tracing: Tracing | undefined;
  private readonly connector: Connector;
  private readonly clients = new Set<pg.PoolClient>();
  private leaving: Promise<void> | undefined;

  constructor(options: DatabaseOptions, metrics: Metrics, log: Logger) {
    this.metrics = metrics;
    this.tracing = options.tracing?.isOn ? options.tracing : undefined;
    this.connector = new Connector({
      target: options.url,
      name: options.name,
      connectTimeoutMs: options.connectTimeoutMs,
      queryTimeoutMs: options.queryTimeoutMs,
      session: {
        statement_timeout: `${options.statementTimeoutMs}`,
        lock_timeout: `${options.lockTimeoutMs}`,
        idle_in_transaction_session_timeout: `${options.idleInTransactionTimeoutMs}`,
        jit: 'off',
        ...options.sessionSettings,
      },
    });
    this.pool = new pg.Pool({
      Client: this.connector.clientClass(),
      onConnect: (client) => this.connector.admit(client),
      max: options.poolMax,
      connectionTimeoutMillis: options.connectTimeoutMs,
      idleTimeoutMillis: 60_000,
    });
    this.pool.on('connect', (client) => this.clients.add(client));
    this.pool.on('remove', (client) => this.clients.delete(client));
    // Without a listener the loss of a connection ends the process. The pool listens while it is idle and its user
    // while it is used; this one is for the moment of its hand-over, where the next statement tells of the loss.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
    this.pool.on('error', (error) => log.warn({ err: error, pool: options.name }, 'idle database connection lost'));
    metrics.atScrape(() => {
      const { totalCount, idleCount, waitingCount } = this.pool;
      metrics.poolConnections.set({ pool: options.name, state: 'active' }, totalCount - idleCount);
      metrics.poolConnections.set({ pool: options.name, state: 'idle' }, idleCount);
      metrics.poolConnections.set({ pool: options.name, state: 'waiting' }, waitingCount);
    });
  }

  run<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.timed(this.pool, statement, values);
  }

  /**
   * READ COMMITTED whatever the server's default; commits when `work` resolves, rolls back when it rejects. The beginning
   * travels with the first statement, and the commit with the last one if that is told: rows are held for a round trip
   * between the two, and for none more.
   */
  async transaction<T>(work: (session: TransactionSession) => Promise<T>): Promise<T> {
    const client = await this.pool.connect().catch((error: unknown) => {
      throw this.translate(error);
    });
    let broken: Error | undefined;
    // A connection that dies between two statements reports it here, not through a statement.
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on('error', onError);
    let isEnded = false;
    const commit = (): Promise<void> => {
      isEnded = true;
      const send = () => this.command(client, 'commit');
      return this.tracing === undefined ? send() : this.tracing.statement('commit', send);
    };
    const session: TransactionSession = {
      run: (statement, values) => this.timed(client, statement, values),
      runLast: async (statement, values) => {
        const [answer, committed] = await Promise.allSettled([this.timed(client, statement, values), commit()]);
        if (answer.status === 'rejected') throw answer.reason;
        if (committed.status === 'rejected') throw committed.reason;
        return answer.value as never;
      },
    };
    try {
      const begun = this.command(client, 'begin isolation level read committed');
      // Its failure is told by whatever follows, too.
      begun.catch(() => undefined);
      const result = await work(session);
      await begun;
      if (!isEnded) await commit();
      return result;
    } catch (error) {
      // A server that did not answer would not answer a rollback either; closing the connection does the same.
      if (error instanceof AppError && error.code === 'UNAVAILABLE') broken ??= error;
      if (broken === undefined && !isEnded) {
        await client.query('rollback').catch((rollbackError: Error) => {
          broken = rollbackError;
        });
      }
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  /**
   * For probes: null when the server answers and the work can be done on it, else a short reason. Rejects when it cannot
   * be asked.
   */
  async ping(): Promise<string | null> {
    const [row] = await this.run<{ reason: string | null }>({ name: 'can-work', text: CAN_WORK }, []);
    return row === undefined ? 'no answer' : row.reason;
  }

  async close(): Promise<void> {
    if (!this.pool.ended) await this.pool.end();
  }

  private async command(client: pg.PoolClient, text: string): Promise<void> {
    try {
      await this.watched(() => client.query(text));
    } catch (error) {
      throw this.translate(error);
    }
  }

  private timed<Row extends pg.QueryResultRow>(
    target: pg.Pool | pg.PoolClient,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    if (this.tracing === undefined) return this.measured<Row>(target, statement, values);
    return this.tracing.statement(statement.name, () => this.measured<Row>(target, statement, values));
  }

  private async measured<Row extends pg.QueryResultRow>(
    target: pg.Pool | pg.PoolClient,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const startedAt = performance.now();
    try {
      const query = { name: statement.name, text: statement.text, values: [...values] };
      return (await this.watched(() => target.query<Row>(query))).rows;
    } catch (error) {
      throw this.translate(error, statement.name);
    } finally {
      const seconds = (performance.now() - startedAt) / 1000;
      this.metrics.statementDuration.observe({ statement: statement.name }, seconds);
    }
  }

  /** Where there are several hosts, one that does not answer may have been replaced meanwhile. */
  private async watched<T>(ask: () => Promise<T>): Promise<T> {
    if (!this.connector.finder.hasChoice) return ask();
    const suspicion = setInterval(() => void this.leaveDemoted(), SUSPICIOUS_MS);
    return ask().finally(() => clearInterval(suspicion));
  }

  /** Closes all connections to hosts other than the present primary; while none is found, all stay. */
  private leaveDemoted(): Promise<void> {
    this.leaving ??= this.connector.finder
      .find()
      .then(({ host, port }) => {
        const others = [...this.clients].filter((client) => client.host !== host || client.port !== port);
        for (const client of others) streamOf(client).destroy();
      })
      .catch(() => undefined)
      .finally(() => {
        this.leaving = undefined;
      });
    return this.leaving;
  }

  private translate(error: unknown, statement = 'transaction'): AppError {
    if (error instanceof AppError) return error;
    const { sqlState, code } = meaningOf(error);
    this.metrics.databaseErrors.inc({ sqlstate: sqlState });
    if (code === 'UNAVAILABLE' && this.connector.finder.hasChoice) void this.leaveDemoted();
    const failure = connectFailure(error);
    if (failure.code === 'START_CHECK_FAILED') return failure;
    return new AppError(code, `database refused ${statement} (${sqlState})`, { cause: error });
  }
}
