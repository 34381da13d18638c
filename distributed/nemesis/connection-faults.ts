/** What happens to who wants something of PostgreSQL: no connection is left, or a lock is not given. */
import { Client } from 'pg';
import type { Injector } from './injector.ts';
import { terminateSessions } from './server-faults.ts';

/** Asked for at the same time while there are some. */
const AT_ONCE = 20;
/** A server may have so many; above it we give up. */
const CONNECTIONS_MAX = 2_000;
const FULL = '53300';
/** Rounds in which nobody else got hold of a connection, after which nobody will. */
const QUIET_ROUNDS = 5;

/** Every connection the server allows is ours, those of the workers too: they are ended, and ours are faster in the end. */
export function connectionsTaken(databaseUrl: string): Injector {
  const clients: Client[] = [];
  return {
    fault: 'connections-taken',
    target: 'postgres',
    async start() {
      // Of its own from the start: later there is none for it.
      const looking = await connected(databaseUrl);
      clients.push(looking);
      let quietRounds = 0;
      while (quietRounds < QUIET_ROUNDS && clients.length < CONNECTIONS_MAX) {
        const ended = await terminateSessions(looking);
        const taken = await take(databaseUrl, clients);
        quietRounds = ended === 0 && taken === 0 ? quietRounds + 1 : 0;
      }
      return quietRounds === QUIET_ROUNDS ? { connections: clients.length, refused: FULL, atMs: Date.now() } : null;
    },
    async stop() {
      const released = clients.length;
      await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));
      return { released };
    },
  };
}

/** As many as there are; answers how many those were. */
async function take(databaseUrl: string, clients: Client[]): Promise<number> {
  let taken = 0;
  for (;;) {
    const asked = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => connected(databaseUrl)));
    for (const each of asked) {
      if (each.status === 'fulfilled') clients.push(each.value);
      else if ((each.reason as { code?: string }).code !== FULL) throw each.reason;
    }
    const got = asked.filter(({ status }) => status === 'fulfilled').length;
    taken += got;
    if (got < AT_ONCE || clients.length > CONNECTIONS_MAX) return taken;
  }
}

/** Nobody else can touch the table; whoever wants to waits. */
export function tableLocked(databaseUrl: string, table: string): Injector {
  let client: Client | null = null;
  return {
    fault: 'table-locked',
    target: table,
    async start() {
      client = await connected(databaseUrl);
      await client.query('begin');
      await client.query(`lock table ${table} in access exclusive mode`);
      return { locked: table };
    },
    async stop() {
      await client?.query('rollback');
      await client?.end();
      return { released: table };
    },
  };
}

async function connected(databaseUrl: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-filler' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
