/**
 * Redis and PostgreSQL going away under a working service. Both servers are of this file alone. Without Redis nothing
 * changes but speed; without PostgreSQL everything waits, and nothing is lost.
 */

import { freePorts } from '../../distributed/stack/process/free-port.ts';
import type { Server } from '../../distributed/stack/process/server.ts';
import { type Stack, startStack } from '../../distributed/stack/stack.ts';
import type { ReadyBody } from '../../src/contract/http.ts';
import { migrateDatabase } from '../support/servers/migrations.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker/worker-program.ts';

jest.setTimeout(90_000);

const isLocal = process.env['REDIS_URL'] === undefined && process.env['DATABASE_URL'] === undefined;
// External servers are not ours to stop.
const describeLocal = isLocal ? describe : describe.skip;

const WITH_FAULTS = 'test/support/worker/worker-with-faults.ts';
const BATCHES = 10;
const SLOTS = 12;

describeLocal('a working service', () => {
  let stack: Stack;
  let fixture: WorkerFixture;
  let alone: WorkerProgram;
  let worker: WorkerProgram;

  beforeAll(async () => {
    stack = await startStack({ onlyNeeded: ['postgres', 'redis'], onProgress: () => {} });
    await migrateDatabase(stack.databaseUrl);
    fixture = await WorkerFixture.open({
      inboundPartitions: 3,
      databaseUrl: stack.databaseUrl,
      redisUrl: stack.redisUrl,
    });
  }, 120_000);
  afterAll(async () => {
    await fixture?.close();
    await stack?.stop();
  });

  const server = (name: string): Server => {
    const found = stack.servers.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no ${name} of our own`);
    return found;
  };
  const ready = async (of = worker) => {
    const { status, json } = await of.get('/ready');
    return { code: status, ...(json() as ReadyBody) };
  };
  const isReady = (status: 200 | 503, what: string) =>
    waitFor(async () => (await ready()).code === status, { deadlineMs: 30_000, what });
  /** Each batch is filled, gets one failure too many, one text twice and one too many. */
  const load = (name: string) =>
    Array.from({ length: BATCHES }, (_, index) => `${name}${index}`).flatMap((batch) => [
      fixture.inputs.registration(batch, SLOTS),
      ...fixture.inputs.contents(batch, SLOTS + 1),
      fixture.inputs.content(batch, `${batch}-t0`, `${batch} again`),
    ]);
  const expectOutcome = async (name: string) => {
    const like = `'${name}%'`;
    expect(await fixture.count(`batches where id like ${like} and state = 'complete'`)).toBe(BATCHES);
    expect(await fixture.count(`slots where batch_id like ${like} and status = 'filled'`)).toBe(BATCHES * SLOTS);
    expect(await fixture.count(`excess_contents where batch_id like ${like}`)).toBe(BATCHES);
    expect(await fixture.count('pending_inputs')).toBe(0);
    const completed = await fixture.events(fixture.topics.completed);
    const ids = completed
      .filter(({ data }) => String(data['batch_id']).startsWith(name))
      .map(({ event_id }) => event_id);
    expect(new Set(ids).size).toBe(BATCHES);
  };

  test('that never had Redis has the same outcome, and is ready', async () => {
    const [port = 0] = await freePorts(1);
    alone = await fixture.launchReady('without-redis', {
      program: WITH_FAULTS,
      env: { REDIS_URL: `redis://127.0.0.1:${port}` },
    });
    await fixture.send(load('never'));
    await fixture.settled();
    await expectOutcome('never');
    expect(await ready(alone)).toMatchObject({ code: 200, status: 'ready', checks: { redis: { status: 'degraded' } } });
    expect((await alone.stop()).code).toBe(0);
  });

  test('whose Redis is killed in mid-run has the same outcome, and finds it again', async () => {
    worker = await fixture.launchReady('worker', {
      program: WITH_FAULTS,
      env: { GROUP_SIZE_MAX: '10', ELS_TEST_HANDLE_DELAY_MS: '100' },
    });
    await waitFor(async () => (await ready()).checks['redis']?.status === 'ok', { deadlineMs: 10_000, what: 'Redis' });
    await fixture.send(load('killed'));
    await waitFor(async () => (await worker.metric('els_inputs_total')) > 20, { deadlineMs: 20_000, what: 'a start' });
    await server('redis').kill('SIGKILL');
    await fixture.settled();
    await expectOutcome('killed');
    const isMissed = async () => (await ready()).checks['redis']?.status === 'degraded';
    await waitFor(isMissed, { deadlineMs: 10_000, what: 'a look that misses Redis' });
    expect((await worker.get('/ready')).status).toBe(200);
    const { text } = await worker.get('/health');
    expect(JSON.parse(text)).toMatchObject({ status: 'degraded' });
    await server('redis').start();
    await waitFor(async () => (await ready()).checks['redis']?.status === 'ok', { deadlineMs: 30_000, what: 'Redis' });
  });

  test('whose database goes away waits, moves no offset past unresolved records, and goes on when it is back', async () => {
    const before = await worker.metric('els_inputs_total');
    await fixture.send(load('away'));
    await waitFor(async () => (await worker.metric('els_inputs_total')) > before + 20, {
      deadlineMs: 20_000,
      what: 'a start',
    });
    await server('postgres').stop();
    await isReady(503, 'not ready');
    expect(await ready()).toMatchObject({
      code: 503,
      checks: { database: { status: 'failed' }, kafka: { status: 'ok' } },
    });
    expect((await worker.get('/live')).status).toBe(200);

    const retries = await worker.metric('els_retries_total');
    await fixture.send([fixture.inputs.registration('meanwhile', 1), fixture.inputs.content('meanwhile', 'm')]);
    await waitFor(async () => (await worker.metric('els_retries_total')) > retries + 8, {
      deadlineMs: 20_000,
      what: 'retries',
    });
    const offsets = [...(await fixture.offsets())];
    expect(offsets.reduce((lag, [, { committed, end }]) => lag + end - committed, 0)).toBeGreaterThan(2);
    const resolved = new Set([...alone.handled(), ...worker.handled()]);
    for (const [partition, { committed }] of offsets) {
      for (let offset = 0; offset < committed; offset += 1) expect(resolved).toContain(`${partition}/${offset}`);
    }
    await server('postgres').start();
    await isReady(200, 'ready again');
    await fixture.settled();
    await expectOutcome('away');
    expect(await fixture.count(`batches where id = 'meanwhile' and state = 'complete'`)).toBe(1);
    expect(worker.hasEnded).toBe(false);
    expect(await worker.metric('els_reconciler_repairs_total')).toBe(0);
  });

  test('whose database ends every session in mid-flow has the same outcome', async () => {
    const names = ['cut-a', 'cut-b', 'cut-c', 'cut-d'];
    for (const name of names) {
      const resolved = await worker.metric('els_inputs_total');
      await fixture.send(load(name));
      await fixture.sql(`select pg_terminate_backend(pid) from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid()`);
      await waitFor(async () => (await worker.metric('els_inputs_total')) > resolved, {
        deadlineMs: 20_000,
        what: 'progress',
      });
    }
    await fixture.settled();
    for (const name of names) await expectOutcome(name);
    expect(await worker.metric('els_database_errors_total')).toBeGreaterThan(0);
    expect((await worker.stop()).code).toBe(0);
  });
});
