/** On a server of its own: nobody else gets in while all connections are taken, and somebody waits for a locked table. */
import { Client } from 'pg';
import { SessionWatch } from '../../../distributed/engine/measure/session-watch.ts';
import { connectionsTaken, tableLocked } from '../../../distributed/nemesis/connection-faults.ts';
import { OwnServers } from '../../support/servers/own-servers.ts';
import { waitFor } from '../../support/wait-for.ts';

jest.setTimeout(60_000);

let servers: OwnServers;
let databaseUrl: string;

beforeAll(async () => {
  servers = await OwnServers.open();
  const { port } = await servers.postgres({ settings: ['max_connections=12'] });
  databaseUrl = `postgresql://postgres@127.0.0.1:${port}/postgres`;
});
afterAll(() => servers.close());

async function connected(): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'worker' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

test('all connections are taken, those that workers had as well, and given back', async () => {
  const worker = await connected();
  const ended = new Promise((resolve) => worker.once('end', resolve));
  const fault = connectionsTaken(databaseUrl);
  expect(await fault.start()).toMatchObject({ connections: 12, refused: '53300' });
  await ended;
  await expect(connected()).rejects.toThrow('too many clients');
  expect(await fault.stop()).toEqual({ released: 12 });
  const again = await waitFor(() => connected().catch(() => false as const), {
    deadlineMs: 15_000,
    what: 'a connection',
  });
  await again.end();
});

test('a watch counts the sessions of workers and sees how long a statement waits for a locked table', async () => {
  const worker = await connected();
  await worker.query('create table wanted (id int)');
  const watch = await SessionWatch.begin(databaseUrl);
  const fault = tableLocked(databaseUrl, 'wanted');
  try {
    await fault.start();
    const waiting = worker.query('select from wanted');
    await waitFor(() => watch.most.statementMs > 300, { deadlineMs: 15_000, what: 'a statement that waits' });
    expect(watch.most.sessions).toBe(1);
    await fault.stop();
    await waiting;
    expect((await watch.look()).statementMs).toBe(0);
  } finally {
    await watch.end();
    await worker.end();
  }
});
