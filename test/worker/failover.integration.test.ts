/**
 * PostgreSQL fails over, under load, to a server that lacks the last transactions, as an asynchronous standby may. Here
 * it is a copy of the server's files from before the load, started in its place: what such a standby is to its clients.
 * The server is of this file alone.
 */
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import type { Server } from '../../distributed/stack/process/server.ts';
import { type Stack, startStack } from '../../distributed/stack/stack.ts';
import { migrateDatabase } from '../support/servers/migrations.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

jest.setTimeout(120_000);

const isLocal = process.env['DATABASE_URL'] === undefined;
// An external server's files are not ours.
const describeLocal = isLocal ? describe : describe.skip;

const BATCHES = 30;
const SLOTS = 20;
const DEADLINE_MS = 30_000;

/** With owners and rights, which the server looks at. */
const copy = (from: string, to: string) => execFileSync('cp', ['-a', from, to]);

describeLocal('a failover that loses transactions', () => {
  let stack: Stack;
  let fixture: WorkerFixture;
  let standby: string;

  beforeAll(async () => {
    stack = await startStack({ onlyNeeded: ['postgres'], onProgress: () => {} });
    await migrateDatabase(stack.databaseUrl);
    fixture = await WorkerFixture.open({ inboundPartitions: 5, databaseUrl: stack.databaseUrl });
  }, 120_000);
  afterAll(async () => {
    await fixture?.close();
    await stack?.stop();
    if (standby !== undefined) await rm(standby, { recursive: true, force: true });
  });

  const postgres = (): Server => {
    const found = stack.servers.find(({ name }) => name === 'postgres');
    if (found === undefined) throw new Error('no server of our own');
    return found;
  };
  const load = (name: string) =>
    Array.from({ length: BATCHES }, (_, index) => `${name}${index}`).flatMap((batch) => [
      fixture.inputs.registration(batch, SLOTS),
      ...fixture.inputs.contents(batch, SLOTS),
    ]);

  test('is healed by a worker that lives through it', async () => {
    const worker = await fixture.launchReady('worker', { env: { GROUP_SIZE_MAX: '50' } });
    await fixture.send(load('before'));
    await fixture.settled();
    const [row] = await fixture.sql<{ data_directory: string }>('show data_directory');
    const directory = row?.data_directory ?? '';
    standby = `${directory}-standby`;
    await postgres().stop();
    copy(directory, standby);
    await postgres().start();
    await waitFor(async () => (await worker.get('/ready')).status === 200, { deadlineMs: DEADLINE_MS, what: 'ready' });

    const joined = await worker.metric('els_rebalances_total');
    await fixture.send(load('during'));
    await waitFor(async () => (await fixture.count('slots')) > (BATCHES * SLOTS * 3) / 2, {
      deadlineMs: DEADLINE_MS,
      what: 'work that will be lost',
    });
    await postgres().kill('SIGKILL');
    await rm(directory, { recursive: true });
    copy(standby, directory);
    await postgres().start();

    const all = 2 * BATCHES;
    await waitFor(async () => (await fixture.count(`batches where state = 'complete'`)) === all, {
      deadlineMs: DEADLINE_MS,
      what: 'everything again',
    });
    await fixture.settled();
    expect(await fixture.count(`slots where status = 'filled'`)).toBe(all * SLOTS);
    expect(await fixture.count('excess_contents')).toBe(0);
    const completed = await fixture.events(fixture.topics.completed);
    expect(new Set(completed.map(({ event_id }) => event_id)).size).toBe(all);
    expect(await worker.metric('els_rebalances_total')).toBeGreaterThan(joined);
    expect(worker.hasEnded).toBe(false);
    expect((await worker.stop()).code).toBe(0);
  });
});
