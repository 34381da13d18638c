/** What happens to PostgreSQL and Kafka: sessions ended, servers restarted. Their own answers are the witness. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { accepts } from '../stack/process/accepts.ts';
import type { Server } from '../stack/process/server.ts';
import type { Evidence, Injector } from './injector.ts';
import { untilState } from './worker-faults.ts';

const TERMINATE_INTERVAL_MS = 200;
const PROBE_MS_MAX = 1_000;
const BACK_MS_MAX = 30_000;

export const SERVER_FAULTS = ['postgres-terminate', 'postgres-restart', 'kafka-restart'] as const;

export type ServerFault = (typeof SERVER_FAULTS)[number];

export interface ServerTargets {
  /** Of the part. */
  readonly databaseUrl: string;
  /** Absent when the server is not ours. */
  readonly postgres: Server | undefined;
  readonly kafka: readonly Server[];
}

export function serverInjector(fault: ServerFault, targets: ServerTargets, index: number): Injector {
  const postgres = { fault, target: 'postgres' };
  switch (fault) {
    case 'postgres-terminate':
      return { ...postgres, ...terminating(targets.databaseUrl) };
    case 'postgres-restart':
      return { ...postgres, ...restarting(targets.postgres) };
    case 'kafka-restart': {
      const server = targets.kafka[index % Math.max(1, targets.kafka.length)];
      return { fault, target: server?.name ?? 'kafka', ...restarting(server) };
    }
  }
}

/** One of several servers is away in good order, for as long as its part likes. */
export function serverStopped(server: Server): Injector {
  return { fault: 'server-stop', target: server.name, ...restarting(server) };
}

/** All of them at once, without a farewell; started again together, as after a power cut. */
export function serversKilled(servers: readonly Server[]): Injector {
  return {
    fault: 'server-kill',
    target: servers.map(({ name }) => name).join(' '),
    async start() {
      const identities = servers.map(({ identity }) => identity);
      await Promise.all(servers.map((server) => server.kill('SIGKILL')));
      const accepting = await Promise.all(servers.map((server) => accepts(server, PROBE_MS_MAX)));
      return identities.includes(undefined) || accepting.includes(true) ? null : { identities, accepts: false };
    },
    async stop() {
      await Promise.all(servers.map((server) => server.start()));
      const accepting = await Promise.all(servers.map((server) => accepts(server, PROBE_MS_MAX)));
      return accepting.includes(false) ? null : { identities: servers.map(({ identity }) => identity), accepts: true };
    },
  };
}

/** It accepts connections and answers nothing: the system does that for a process that does not run. */
export function serverFrozen(server: Server): Injector {
  return {
    fault: 'server-pause',
    target: server.name,
    async start() {
      const { pid } = server;
      await server.kill('SIGSTOP');
      return pid !== undefined && (await untilState(pid, (state) => state === 'T')) ? { pid, state: 'T' } : null;
    },
    async stop() {
      const { pid } = server;
      await server.kill('SIGCONT');
      return pid !== undefined && (await untilState(pid, (state) => state !== 'T')) ? { pid, state: 'running' } : null;
    },
  };
}

/** Ends the workers' sessions again and again for as long as the fault lasts. */
function terminating(databaseUrl: string): Pick<Injector, 'start' | 'stop'> {
  let running = false;
  let terminated = 0;
  let loop: Promise<void> = Promise.resolve();
  const terminate = async () => {
    terminated += await terminateOnce(databaseUrl).catch(() => 0);
  };
  return {
    async start() {
      running = true;
      await terminate();
      loop = (async () => {
        while (running) {
          await sleep(TERMINATE_INTERVAL_MS);
          await terminate();
        }
      })();
      return { began: true };
    },
    async stop() {
      running = false;
      await loop;
      return terminated > 0 ? { terminated } : null;
    },
  };
}

/** Of the workers; answers how many there were. */
export async function terminateSessions(client: Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*) filter (where pg_terminate_backend(pid))::int as count
       from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
        and application_name not like 'harness%' and application_name <> 'quiescence'`,
  );
  return rows[0]?.count ?? 0;
}

async function terminateOnce(databaseUrl: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-nemesis' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await terminateSessions(client);
  } finally {
    await client.end();
  }
}

function restarting(server: Server | undefined): Pick<Injector, 'start' | 'stop'> {
  return {
    async start(): Promise<Evidence | null> {
      const identity = server?.identity;
      if (server === undefined || identity === undefined) return null;
      await server.stop();
      return (await accepts(server, PROBE_MS_MAX)) ? null : { ...identity, accepts: false };
    },
    async stop(): Promise<Evidence | null> {
      if (server === undefined) return null;
      await server.start();
      const giveUpAtMs = Date.now() + BACK_MS_MAX;
      while (!(await accepts(server, PROBE_MS_MAX))) {
        if (Date.now() > giveUpAtMs) return null;
        await sleep(100);
      }
      return { ...server.identity, accepts: true };
    },
  };
}
