/**
 * The workers' sessions with PostgreSQL, looked at ten times a second by a connection that is there before anything is
 * broken: how many there are, and how long the oldest statement of them has run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

const INTERVAL_MS = 100;

export class SessionWatch {
  /** Since the watch began. */
  readonly most = { sessions: 0, statementMs: 0 };
  looks = 0;
  private readonly client: Client;
  private isOver = false;
  private loop: Promise<void> = Promise.resolve();

  static async begin(databaseUrl: string): Promise<SessionWatch> {
    const client = new Client({ connectionString: databaseUrl, application_name: 'harness-sessions' });
    client.on('error', () => undefined);
    await client.connect();
    const watch = new SessionWatch(client);
    watch.loop = watch.run();
    return watch;
  }

  private constructor(client: Client) {
    this.client = client;
  }

  async look(): Promise<{ readonly sessions: number; readonly statementMs: number }> {
    const { rows } = await this.client.query<{ sessions: number; statement_ms: number }>(
      `select count(*)::int as sessions,
              coalesce(max(extract(epoch from clock_timestamp() - query_start) * 1000)
                       filter (where state = 'active'), 0)::float as statement_ms
         from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend'
          and application_name not like 'harness%' and application_name <> 'quiescence'`,
    );
    return { sessions: rows[0]?.sessions ?? 0, statementMs: rows[0]?.statement_ms ?? 0 };
  }

  /** Idempotent. */
  async end(): Promise<void> {
    if (this.isOver) return;
    this.isOver = true;
    await this.loop;
    await this.client.end();
  }

  private async run(): Promise<void> {
    while (!this.isOver) {
      const { sessions, statementMs } = await this.look();
      this.most.sessions = Math.max(this.most.sessions, sessions);
      this.most.statementMs = Math.max(this.most.statementMs, statementMs);
      this.looks += 1;
      await sleep(INTERVAL_MS);
    }
  }
}
