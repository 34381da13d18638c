/** The steps of a standby's life: copied from a running primary, following it by streaming, cut off, promoted. */
import { chown, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Standby } from '../process/context.ts';
import { runCommand } from '../process/run-command.ts';
import type { Server } from '../process/server.ts';
import { StackError } from '../process/stack-error.ts';
import { TcpProxy } from '../process/tcp-proxy.ts';
import { until, type Wait } from '../process/until.ts';

const SUPERUSER = 'postgres';
const QUERY_MS_MAX = 5_000;
const COPY_MS_MAX = 60_000;
const WAIT: Wait = { limitMs: 20_000, intervalMs: 20 };
const PROMOTED_SECONDS_MAX = 60;

/** `synchronous`: a commit is acknowledged when the standby has it too. */
export type StandbyKind = 'asynchronous' | 'synchronous';

export interface DataFolder {
  readonly folder: string;
  /** Of the server's processes; undefined: ours. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

/** The data of a running primary, made ready to follow it. Not every PostgreSQL brings pg_basebackup; this does its work. */
export async function copyForStandby(primary: DataFolder & { readonly port: number }, folder: string): Promise<void> {
  const client = await connected(primary.port);
  try {
    await client.query(`select pg_backup_start('standby', true)`);
    await runCommand('cp', ['-a', `${primary.folder}/.`, folder], { runMsMax: COPY_MS_MAX });
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    await rm(join(folder, 'postmaster.pid'), { force: true });
    for (const [name, text] of [
      ['backup_label', rows[0]?.labelfile ?? ''],
      ['standby.signal', ''],
    ] as const) {
      await writeFile(join(folder, name), text);
      if (primary.user !== undefined) await chown(join(folder, name), primary.user.uid, primary.user.gid);
    }
  } finally {
    await client.end();
  }
}

/** What a standby is started with besides the settings of any server. */
export function followingSettings(primaryPort: number): readonly string[] {
  return ['-c', `primary_conninfo=host=127.0.0.1 port=${primaryPort} user=${SUPERUSER}`];
}

/** Resolves when the standby streams, and every commit waits for it if it is a synchronous one. */
export async function beginReplication(primaryPort: number, kind: StandbyKind): Promise<void> {
  const client = await connected(primaryPort);
  try {
    const query = `select from pg_stat_replication where state = 'streaming'`;
    await until(
      async () => (await client.query(query)).rowCount === 1,
      new StackError('the standby does not stream from its primary'),
      WAIT,
    );
    if (kind === 'asynchronous') return;
    // Not before: a commit waits for whoever is named here.
    await client.query(`alter system set synchronous_standby_names = '*'`);
    await client.query('select pg_reload_conf()');
    const isOn = `select from pg_stat_replication where sync_state = 'sync'`;
    await until(
      async () => (await client.query(isOn)).rowCount === 1,
      new StackError('the standby does not become synchronous'),
      WAIT,
    );
  } finally {
    await client.end();
  }
}

/** Clients with one address go by the port of this process, which leads to the writable server of the two. */
export class StandbyPair implements Standby {
  readonly primary: Server;
  readonly server: Server;
  isPromoted = false;
  private readonly folder: string;
  private readonly forward: TcpProxy;

  static async open(pair: {
    readonly primary: Server;
    readonly server: Server;
    /** Of the primary's data. */
    readonly folder: string;
    readonly port: number;
  }): Promise<StandbyPair> {
    const forward = new TcpProxy(pair.port, pair.primary);
    await forward.open();
    return new StandbyPair(pair, forward);
  }

  private constructor(pair: { primary: Server; server: Server; folder: string }, forward: TcpProxy) {
    this.primary = pair.primary;
    this.server = pair.server;
    this.folder = pair.folder;
    this.forward = forward;
  }

  get hosts(): string {
    return [this.primary, this.server].map(({ host, port }) => `${host}:${port}`).join(',');
  }

  async cutOff(): Promise<void> {
    const rules = join(this.folder, 'pg_hba.conf');
    await writeFile(rules, `host replication all all reject\n${await readFile(rules, 'utf8')}`);
    const client = await connected(this.primary.port);
    try {
      // A commit must not wait for a standby that is gone.
      await client.query(`alter system set synchronous_standby_names = ''`);
      await client.query('select pg_reload_conf()');
      await until(
        async () => {
          await client.query('select pg_terminate_backend(pid) from pg_stat_replication');
          return (await client.query('select from pg_stat_replication')).rowCount === 0;
        },
        new StackError('the standby is still connected to its primary'),
        WAIT,
      );
    } finally {
      await client.end();
    }
  }

  async promote(): Promise<void> {
    const client = await connected(this.server.port, PROMOTED_SECONDS_MAX * 1_000);
    try {
      const query = 'select pg_promote(true, $1) as done';
      const { rows } = await client.query<{ done: boolean }>(query, [PROMOTED_SECONDS_MAX]);
      if (rows[0]?.done !== true) throw new StackError(`not promoted within ${PROMOTED_SECONDS_MAX} s`);
    } finally {
      await client.end();
    }
    this.isPromoted = true;
    this.forward.turnTo(this.server);
  }

  close(): Promise<void> {
    return this.forward.close();
  }
}

async function connected(port: number, queryMsMax = QUERY_MS_MAX): Promise<Client> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: SUPERUSER,
    database: 'postgres',
    application_name: 'harness-standby',
    query_timeout: queryMsMax,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
