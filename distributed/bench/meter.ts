/**
 * What a drain costs, read from outside at its beginning and at its end: CPU of every process by what it is, bytes of
 * PostgreSQL's log, and how much of the machine somebody else had meanwhile.
 */
import { Client } from 'pg';
import type { Stack } from '../stack/stack.ts';
import { cpuSecondsOf, type HostTimes, hostTimes } from './process-tree.ts';

export const PROCESS_KINDS = ['worker', 'postgres', 'kafka', 'redis'] as const;
export type ProcessKind = (typeof PROCESS_KINDS)[number];

export interface Cost {
  readonly cpuSeconds: Readonly<Record<ProcessKind, number>>;
  readonly walBytes: number;
  /** Share of all cores that the hypervisor gave to others. */
  readonly stealShare: number;
}

export interface Reading {
  readonly cpuSeconds: Readonly<Record<ProcessKind, number>>;
  readonly walBytes: number;
  readonly host: HostTimes;
}

export class Meter {
  private readonly client: Client;
  private readonly pids: Readonly<Record<Exclude<ProcessKind, 'worker'>, number[]>>;

  private constructor(client: Client, stack: Stack) {
    this.client = client;
    const pidsOf = (kind: string) =>
      stack.servers.flatMap(({ name, pid }) => (name.startsWith(kind) && pid !== undefined ? [pid] : []));
    this.pids = { postgres: pidsOf('postgres'), kafka: pidsOf('kafka'), redis: pidsOf('redis') };
  }

  /** Servers must be our own: CPU of a foreign one cannot be told from that of its other users. */
  static async open(stack: Stack): Promise<Meter> {
    const client = new Client({ connectionString: stack.databaseUrl, application_name: 'bench-meter' });
    await client.connect();
    return new Meter(client, stack);
  }

  async read(workerPids: readonly number[]): Promise<Reading> {
    const [worker, postgres, kafka, redis, host, walBytes] = await Promise.all([
      cpuSecondsOf(workerPids),
      cpuSecondsOf(this.pids.postgres),
      cpuSecondsOf(this.pids.kafka),
      cpuSecondsOf(this.pids.redis),
      hostTimes(),
      this.readWal(),
    ]);
    return { cpuSeconds: { worker, postgres, kafka, redis }, walBytes, host };
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  private async readWal(): Promise<number> {
    const { rows } = await this.client.query<{ bytes: string }>(
      `select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes`,
    );
    return Number(rows[0]?.bytes);
  }
}

export function costBetween(before: Reading, after: Reading): Cost {
  const since = (kind: ProcessKind) => after.cpuSeconds[kind] - before.cpuSeconds[kind];
  const steal = after.host.stealSeconds - before.host.stealSeconds;
  const total = after.host.totalSeconds - before.host.totalSeconds;
  return {
    cpuSeconds: { worker: since('worker'), postgres: since('postgres'), kafka: since('kafka'), redis: since('redis') },
    walBytes: after.walBytes - before.walBytes,
    stealShare: total === 0 ? 0 : steal / total,
  };
}
