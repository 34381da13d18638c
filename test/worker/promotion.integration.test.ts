/**
 * An asynchronous standby is promoted under load after it was cut off for a while, so that transactions which the
 * primary had acknowledged are lost for sure. The worker knows both hosts. What was lost is read again: everything that
 * was sent is placed, and each completion is announced once by its id. The servers are of this file alone.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { migrateDatabase } from '../support/servers/migrations.ts';
import { OwnServers, type PostgresServer } from '../support/servers/own-servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

jest.setTimeout(180_000);

const BATCHES = 30;
const SLOTS = 20;
const DEADLINE_MS = 60_000;
const FILLED = `slots where status = 'filled'`;

let servers: OwnServers;
let primary: PostgresServer;
let standby: PostgresServer;
let fixture: WorkerFixture;

const urlOf = (...hosts: readonly PostgresServer[]) =>
  `postgres://postgres@${hosts.map(({ port }) => `127.0.0.1:${port}`).join(',')}/postgres`;

beforeAll(async () => {
  servers = await OwnServers.open();
  primary = await servers.postgres();
  await migrateDatabase(urlOf(primary));
  standby = await servers.standbyOf(primary);
  fixture = await WorkerFixture.open({ inboundPartitions: 5, databaseUrl: urlOf(primary) });
});

afterAll(async () => {
  await fixture?.close();
  await servers?.close();
});

const load = (name: string) =>
  Array.from({ length: BATCHES }, (_, index) => `${name}${index}`).flatMap((batch) => [
    fixture.inputs.registration(batch, SLOTS),
    ...fixture.inputs.contents(batch, SLOTS),
  ]);

const soon = (what: string) => ({ deadlineMs: DEADLINE_MS, what });

async function filledOn(server: PostgresServer): Promise<number> {
  const query = `select count(*)::int as count from ${FILLED}`;
  const [row] = await fixture.sql<{ count: number }>(query, [], urlOf(server));
  return row?.count ?? 0;
}

/** The primary lets its standby in no more, and goes on without it. */
async function cutOff(): Promise<void> {
  const file = join(primary.folder, 'pg_hba.conf');
  await writeFile(file, `host replication all all reject\n${await readFile(file, 'utf8')}`);
  await fixture.sql('select pg_reload_conf()');
  await waitFor(async () => {
    await fixture.sql('select pg_terminate_backend(pid) from pg_stat_replication');
    return (await fixture.count('pg_stat_replication')) === 0;
  }, soon('a standby that is cut off'));
}

test('what an asynchronous standby lacks at its promotion is read again', async () => {
  const hosts = urlOf(primary, standby);
  const workers = [
    await fixture.launchReady('worker-1', { env: { DATABASE_URL: hosts, GROUP_SIZE_MAX: '50' } }),
    await fixture.launchReady('worker-2', { env: { DATABASE_URL: hosts, GROUP_SIZE_MAX: '50' } }),
  ];
  await fixture.send(load('before'));
  await fixture.settled();
  await waitFor(async () => (await filledOn(standby)) === BATCHES * SLOTS, soon('a standby that has caught up'));

  await cutOff();
  await fixture.send(load('during'));
  await waitFor(async () => (await filledOn(primary)) > (BATCHES * SLOTS * 3) / 2, soon('work that will be lost'));
  const acknowledged = await filledOn(primary);
  await primary.server.kill('SIGKILL');
  const lost = acknowledged - (await filledOn(standby));
  expect(lost).toBeGreaterThan(0);
  fixture.databaseUrl = urlOf(standby);
  await fixture.sql('select pg_promote()');
  const promotedAtMs = performance.now();
  await waitFor(async () => (await filledOn(standby)) > BATCHES * SLOTS, soon('a first write after the promotion'));
  const writesAfterMs = Math.round(performance.now() - promotedAtMs);

  const all = 2 * BATCHES;
  await waitFor(
    async () => (await fixture.count(`batches where state = 'complete'`)) === all,
    soon('everything again'),
  );
  await fixture.settled(DEADLINE_MS);
  expect(await fixture.count(FILLED)).toBe(all * SLOTS);
  expect(await fixture.count('excess_contents')).toBe(0);
  const completed = await fixture.events(fixture.topics.completed);
  expect(new Set(completed.map(({ event_id }) => event_id)).size).toBe(all);
  process.stdout.write(`promotion: ${lost} assignments lost and placed again, writes ${writesAfterMs} ms after it\n`);
  for (const worker of workers) {
    expect(worker.hasEnded).toBe(false);
    expect((await worker.stop()).code).toBe(0);
  }
});
