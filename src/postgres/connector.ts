/**
 * How every connection to PostgreSQL is made: to the host that takes writes, with login and certificates as they are
 * now, and handed over only when its session is what was asked for. Each wait has a limit.
 */
import pg from 'pg';
import { type DatabaseAddress, parseDatabaseAddress } from '../connection/database-address.ts';
import { hasTlsFiles, readTls, type TlsFiles } from '../connection/tls-files.ts';
import { AppError } from '../errors.ts';
import { PrimaryFinder } from './primary-finder.ts';
import { checkSession, type SessionSettings, startupOptions } from './session.ts';

/** Where the database is: an address, or where to look it up for each connection, and what TLS needs beside it. */
export type DatabaseTarget = string | { readonly url: () => string; readonly tls: TlsFiles };

export interface ConnectorOptions {
  readonly target: DatabaseTarget;
  /** Shown as application_name, behind the one that the address names. */
  readonly name: string;
  readonly connectTimeoutMs: number;
  /** None if not given: a migration runs as long as it must. */
  readonly queryTimeoutMs?: number;
  /** Beside what every session is asked for; in the units of pg_settings. */
  readonly session: SessionSettings;
}

type Callback = (error?: Error) => void;

export class Connector {
  readonly finder: PrimaryFinder;
  private readonly options: ConnectorOptions;
  private hasServed = false;

  constructor(options: ConnectorOptions) {
    this.options = options;
    this.finder = new PrimaryFinder(() => this.settings());
  }

  /** For a pool, which makes its clients itself; `admit` must be called with each before it is used. */
  clientClass(): typeof pg.Client {
    const connector = this;
    return class extends pg.Client {
      private readonly problem: Error | undefined;

      constructor() {
        const { settings, problem } = connector.trySettings();
        super(settings);
        this.problem = problem;
        // The pool listens once it is told of the connection, which may be lost in that very moment: an error without
        // a listener ends the process. Whoever asks next learns it from the answer.
        this.on('error', () => undefined);
      }

      override connect(): Promise<this>;
      override connect(callback: Callback): void;
      override connect(callback?: Callback): Promise<this> | undefined {
        const connecting = this.connectToPrimary();
        if (callback === undefined) return connecting.then(() => this);
        connecting.then(() => callback(), callback);
        return undefined;
      }

      private async connectToPrimary(): Promise<void> {
        if (this.problem !== undefined) throw this.problem;
        const { host, port } = await connector.finder.find();
        // The pool gives up a client by destroying its socket, which connecting would revive.
        if (streamOf(this).destroyed) throw new AppError('UNAVAILABLE', 'no writable database host was found in time');
        Object.assign(this, { host, port });
        await super.connect();
      }
    };
  }

  /** Resolves when the session may be used. */
  async admit(client: pg.ClientBase): Promise<void> {
    try {
      await checkSession(client, this.options.session);
      this.hasServed = true;
    } catch (error) {
      // What was right at the start may be right again; only at the start nobody waits for it.
      const isRefused = error instanceof AppError && error.code === 'START_CHECK_FAILED';
      throw isRefused && this.hasServed ? new AppError('UNAVAILABLE', error.message, { cause: error }) : error;
    }
  }

  /**
   * One connection outside a pool, admitted; the caller ends it. Rejects with UNAVAILABLE or START_CHECK_FAILED, at once
   * when the signal aborts, and when the server has not let it in within `limitMs`.
   */
  async open({ signal, limitMs }: { signal?: AbortSignal | undefined; limitMs: number }): Promise<pg.Client> {
    const client = new (this.clientClass())();
    const hangUp = () => streamOf(client).destroy();
    const timer = setTimeout(hangUp, limitMs);
    signal?.addEventListener('abort', hangUp, { once: true });
    try {
      signal?.throwIfAborted();
      await client.connect();
      await this.admit(client);
      return client;
    } catch (error) {
      hangUp();
      throw error instanceof AppError ? error : connectFailure(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', hangUp);
    }
  }

  private trySettings(): { settings: pg.ClientConfig; problem?: Error } {
    try {
      return { settings: this.settings() };
    } catch (error) {
      return { settings: {}, problem: connectFailure(error) };
    }
  }

  /** Read anew for each connection. Throws when a file cannot be read. */
  private settings(): pg.ClientConfig & { readonly hosts: DatabaseAddress['hosts'] } {
    const { target, name, connectTimeoutMs, queryTimeoutMs, session } = this.options;
    const address = parseDatabaseAddress(typeof target === 'string' ? target : target.url());
    const [first] = address.hosts;
    return {
      hosts: address.hosts,
      host: first?.host,
      port: first?.port,
      user: address.user,
      password: address.password,
      database: address.database === '' ? undefined : address.database,
      ssl: tlsOf(address, typeof target === 'string' ? {} : target.tls),
      application_name: address.applicationName === undefined ? name : `${address.applicationName} ${name}`,
      connectionTimeoutMillis: connectTimeoutMs,
      ...(queryTimeoutMs !== undefined && { query_timeout: queryTimeoutMs }),
      options: startupOptions(session),
      // A statement is sent when it is given: what needs no answer before it goes with the next one.
      pipeline: true,
      keepAlive: true,
    } as pg.ClientConfig & { hosts: DatabaseAddress['hosts'] };
  }
}

/** Only what is known to fail before a query is sent; what PostgreSQL refused keeps its SQLSTATE in the cause. */
export function connectFailure(error: unknown): AppError {
  const dropped = error instanceof Error && /unsupported startup parameter/i.test(error.message);
  if (dropped) {
    const problem = `a connection pooler (PgBouncer?) refuses what the session needs: ${error.message}; connect to PostgreSQL itself`;
    return new AppError('START_CHECK_FAILED', problem, { cause: error });
  }
  return new AppError('UNAVAILABLE', 'the database cannot be reached', { cause: error });
}

/** Never without a look at the server's certificate: whoever wants TLS wants to know whom he talks to. */
function tlsOf({ tls, tlsFiles }: DatabaseAddress, files: TlsFiles): pg.ClientConfig['ssl'] {
  const given = hasTlsFiles(files) ? files : tlsFiles;
  if (tls === 'disable' || (tls === undefined && !hasTlsFiles(given))) return false;
  const byAuthorityOnly = tls === 'verify-ca' && { checkServerIdentity: () => undefined };
  return { rejectUnauthorized: true, ...readTls(given), ...byAuthorityOnly };
}

/** The socket, which pg does not publish. */
export function streamOf(client: pg.ClientBase): { readonly destroyed: boolean; destroy(): void } {
  return (client as unknown as { connection: { stream: { destroyed: boolean; destroy(): void } } }).connection.stream;
}
