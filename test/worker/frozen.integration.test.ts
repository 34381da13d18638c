/**
 * Servers that hang (SIGSTOP: no answer, no reset) or are gone (SIGKILL). The probes say so within ten seconds, and that
 * all is well again by themselves; the worker neither ends nor loses anything. The servers are of this file alone.
 */
import { readFileSync } from 'node:fs';
import type { Server } from '../../distributed/stack/process/server.ts';
import { type Stack, startStack } from '../../distributed/stack/stack.ts';
import type { ReadyBody } from '../../src/contract/http.ts';
import { migrateDatabase } from '../support/servers/migrations.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker/worker-program.ts';

jest.setTimeout(120_000);

const NOTICED_MS_MAX = 10_000;
const RECOVERED_MS_MAX = 30_000;
const isLocal = ['REDIS_URL', 'DATABASE_URL', 'KAFKA_BROKERS'].every((name) => process.env[name] === undefined);
// External servers are not ours to stop.
const describeLocal = isLocal ? describe : describe.skip;

describeLocal('the probes of a working service', () => {
  let stack: Stack;
  let fixture: WorkerFixture;
  let worker: WorkerProgram;
  let batches = 0;

  beforeAll(async () => {
    stack = await startStack({ onProgress: () => {} });
    process.env['ELS_TEST_KAFKA_BROKERS'] = stack.kafkaBrokers.join(',');
    await migrateDatabase(stack.databaseUrl);
    fixture = await WorkerFixture.open({
      inboundPartitions: 3,
      databaseUrl: stack.databaseUrl,
      redisUrl: stack.redisUrl,
    });
    worker = await fixture.launchReady('frozen');
  });
  afterAll(async () => {
    await fixture?.close();
    await stack?.stop();
  });

  const server = (name: string): Server => {
    const found = stack.servers.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no ${name} of our own`);
    return found;
  };
  /** PostgreSQL's connections have a process each, which would go on without their parent. */
  const signal = async (name: string, what: 'SIGSTOP' | 'SIGCONT'): Promise<void> => {
    const { pid } = server(name);
    await server(name).kill(what);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    for (const child of children === '' ? [] : children.split(' ')) process.kill(Number(child), what);
  };
  const ready = async () => {
    const { status, json } = await worker.get('/ready');
    return { code: status, ...(json() as ReadyBody) };
  };
  /** A batch goes all the way, so everything works. */
  const works = async (): Promise<void> => {
    batches += 1;
    const name = `batch-${batches}`;
    await fixture.send([fixture.inputs.registration(name, 2), ...fixture.inputs.contents(name, 2)]);
    await fixture.settled();
    expect(await fixture.count(`batches where id = '${name}' and state = 'complete'`)).toBe(1);
  };
  const seen = async (
    dependency: string,
    status: 'ok' | 'degraded' | 'failed',
    deadlineMs: number,
  ): Promise<number> => {
    const startedAtMs = performance.now();
    await waitFor(async () => (await ready()).checks[dependency]?.status === status, {
      deadlineMs,
      what: `${dependency} ${status}`,
    });
    return Math.round(performance.now() - startedAtMs);
  };

  test.each([
    ['redis', 'redis', 'degraded', 200],
    ['postgres', 'database', 'failed', 503],
    ['kafka', 'kafka', 'failed', 503],
  ] as const)('%s hangs and comes back', async (name, dependency, status, code) => {
    await works();
    await seen(dependency, 'ok', NOTICED_MS_MAX);
    await signal(name, 'SIGSTOP');
    try {
      const noticedMs = await seen(dependency, status, NOTICED_MS_MAX);
      expect((await ready()).code).toBe(code);
      expect((await worker.get('/live')).status).toBe(200);
      expect((await worker.get('/metrics')).text).toContain(`els_dependency_up{dependency="${dependency}"} 0`);
      process.stdout.write(`${name} frozen: said after ${noticedMs} ms\n`);
    } finally {
      await signal(name, 'SIGCONT');
    }
    process.stdout.write(`${name} thawed: well after ${await seen(dependency, 'ok', RECOVERED_MS_MAX)} ms\n`);
    await works();
    expect(worker.hasEnded).toBe(false);
  });

  test.each([
    ['redis', 'redis', 'degraded'],
    ['postgres', 'database', 'failed'],
    ['kafka', 'kafka', 'failed'],
  ] as const)('%s is gone and comes back', async (name, dependency, status) => {
    await works();
    expect((await ready()).checks[dependency]?.status).toBe('ok');
    await server(name).kill('SIGKILL');
    const noticedMs = await seen(dependency, status, NOTICED_MS_MAX);
    await server(name).start();
    const recoveredMs = await seen(dependency, 'ok', RECOVERED_MS_MAX);
    process.stdout.write(`${name} killed: said after ${noticedMs} ms, well ${recoveredMs} ms after its start\n`);
    await works();
    expect(worker.hasEnded).toBe(false);
  });

  test('the right to write is taken away: unready with the reason, and back with it', async () => {
    await fixture.sql('create role els_other login');
    await fixture.sql('grant all on all tables in schema public to els_other');
    await fixture.sql('grant all on all sequences in schema public to els_other');
    await fixture.sql('grant usage on schema drizzle to els_other');
    await fixture.sql('grant select on all tables in schema drizzle to els_other');
    const url = new URL(fixture.databaseUrl);
    url.username = 'els_other';
    const other = await fixture.launchReady('other', { env: { DATABASE_URL: url.href } });
    await fixture.sql('revoke insert on outbox from els_other');
    const readyOf = async () => (await other.get('/ready')).json() as ReadyBody;
    await waitFor(async () => (await readyOf()).checks['database']?.detail === 'no right to write: insert on outbox', {
      deadlineMs: NOTICED_MS_MAX,
      what: 'no right to write',
    });
    await fixture.sql('grant insert on outbox to els_other');
    await waitFor(async () => (await readyOf()).status === 'ready', { deadlineMs: NOTICED_MS_MAX, what: 'ready' });
    await other.stop();
  });

  test('what the work meets makes it unready, though every dependency is well: every statement fails', async () => {
    await seen('work', 'ok', NOTICED_MS_MAX);
    await fixture.sql(`
      create function sick_disk() returns trigger language plpgsql as
      $$ begin raise exception 'could not read file' using errcode = '58030'; end $$`);
    await fixture.sql('create trigger sick_disk before insert on outbox execute function sick_disk()');
    await fixture.send([fixture.inputs.registration('full', 2), ...fixture.inputs.contents('full', 2)]);
    await seen('work', 'failed', 40_000);
    const { code, checks } = await ready();
    expect(code).toBe(503);
    expect(checks['work']?.detail).toMatch(/^nothing could be resolved for \d+ s: database refused \S+ \(58030\)$/);
    expect(checks).toMatchObject({ database: { status: 'ok' }, kafka: { status: 'ok' } });
    // A restart would mend nothing.
    expect(worker.hasEnded).toBe(false);
    await fixture.sql('drop trigger sick_disk on outbox');
    await seen('work', 'ok', RECOVERED_MS_MAX);
    await fixture.settled();
    expect(await fixture.count(`batches where id = 'full' and state = 'complete'`)).toBe(1);
  });

  test('a member that joins, one that hangs in a rebalance and one that dies make nobody else unready', async () => {
    const codes: number[] = [];
    let isWatching = true;
    const watching = (async () => {
      while (isWatching) {
        const { code, checks } = await ready();
        codes.push(code);
        if (code !== 200) throw new Error(`not ready: ${JSON.stringify(checks)}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const rebalances = async (): Promise<number> => worker.metric('els_rebalances_total');
    const before = await rebalances();
    const hanging = await fixture.launchReady('hanging');
    await waitFor(async () => (await rebalances()) > before, { deadlineMs: RECOVERED_MS_MAX, what: 'a join' });
    const joined = await rebalances();
    // The rebalance that the next one starts waits for the one that hangs until its session is over.
    hanging.kill('SIGSTOP');
    const third = await fixture.launchReady('third');
    await waitFor(async () => (await rebalances()) > joined, { deadlineMs: RECOVERED_MS_MAX, what: 'a rebalance' });
    const atThree = await rebalances();
    await third.end();
    await waitFor(async () => (await rebalances()) > atThree, { deadlineMs: RECOVERED_MS_MAX, what: 'a rebalance' });
    isWatching = false;
    await watching;
    await hanging.end();
    process.stdout.write(`three rebalances of others: ${codes.length} probes, all 200\n`);
  });
});
