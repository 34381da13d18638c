/**
 * A worker refuses a world in which it would lose or double essays, with one line that says what to do, and waits for
 * one that is merely late.
 */
import { freePorts } from '../../distributed/stack/process/free-port.ts';
import { TcpProxy } from '../../distributed/stack/process/tcp-proxy.ts';
import { createEmptyDatabase } from '../support/servers/empty-database.ts';
import { createTestDatabase, kafkaBrokers } from '../support/servers/servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker/worker-program.ts';

const REFUSED = 78;

jest.setTimeout(90_000);

let fixture: WorkerFixture;
const forwards: TcpProxy[] = [];

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 2 });
});
afterAll(async () => {
  await fixture?.close();
  await Promise.all(forwards.map((forward) => forward.close()));
});

/** What the worker said when it gave up: one line, the reason in it. */
async function refusal(worker: WorkerProgram): Promise<string> {
  expect(await worker.exited()).toBe(REFUSED);
  const fatal = worker.logLines().filter(({ level }) => level === 'fatal');
  expect(fatal).toHaveLength(1);
  expect(worker.messages()).not.toContain('running');
  return String((fatal[0]?.['err'] as { message?: string })?.message);
}

async function forwardTo(host: string, port: number): Promise<TcpProxy> {
  const [free = 0] = await freePorts(1);
  const forward = new TcpProxy(free, { host, port });
  forwards.push(forward);
  return forward;
}

describe('a worker refuses to start', () => {
  test('on a database without tables, and names the command', async () => {
    const empty = await createEmptyDatabase();
    const worker = fixture.launch('no-tables', { env: { DATABASE_URL: empty.databaseUrl } });
    expect(await refusal(worker)).toMatch(/\d+ migrations are pending: run els migrate up/);
    await empty.drop();
  });

  test('without the unique index that guards the slots, or with commits that may be lost', async () => {
    const database = await createTestDatabase();
    await fixture.sql('drop index slots_one_per_text', [], database.databaseUrl);
    await fixture.sql(
      `alter database ${new URL(database.databaseUrl).pathname.slice(1)} set synchronous_commit = off`,
      [],
      database.databaseUrl,
    );
    const worker = fixture.launch('no-index', { env: { DATABASE_URL: database.databaseUrl } });
    const reason = await refusal(worker);
    expect(reason).toContain('slots_one_per_text is missing');
    expect(reason).toContain('synchronous_commit is off');
    await database.drop();
  });

  test('without topics, each of them named, and names the command', async () => {
    const reason = await refusal(fixture.launch('no-topics', { env: { TOPIC_PREFIX: `${fixture.prefix}other.` } }));
    expect(reason.match(/does not exist/g)).toHaveLength(9);
    expect(reason).toContain('els topics ensure');
  });

  test('with fewer partitions than are needed', async () => {
    const reason = await refusal(fixture.launch('few-partitions', { env: { INBOUND_PARTITIONS_MIN: '5' } }));
    expect(reason.match(/has 2 partitions, 5 are needed/g)).toHaveLength(3);
  });

  test('with wrong settings, all of them named at once and no password shown', async () => {
    const worker = fixture.launch('wrong-settings', {
      env: {
        DATABASE_URL: 'mysql://els:secret-word@nowhere/els',
        KAFKA_BROKERS: 'no port',
        LOCK_TIMEOUT_MS: '4000',
        GROUP_SIZE_MAX: '0',
      },
    });
    expect(await worker.exited()).toBe(REFUSED);
    expect(worker.stdout).toBe('');
    expect(worker.stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^DATABASE_URL must be a URL/),
      expect.stringMatching(/^KAFKA_BROKERS must be host:port/),
      expect.stringMatching(/^GROUP_SIZE_MAX must be a whole number/),
      expect.stringMatching(/^LOCK_TIMEOUT_MS=4000 must be less than STATEMENT_TIMEOUT_MS=2500/),
    ]);
    expect(worker.stderr).not.toContain('secret-word');
  });
});

describe('a worker waits', () => {
  const isWaiting = (worker: WorkerProgram) =>
    waitFor(() => worker.messages().includes('waiting for a server to answer'), {
      deadlineMs: 30_000,
      what: 'a worker that waits',
    });

  test('for a database and brokers that do not answer yet, says so, and then starts', async () => {
    const { hostname, port } = new URL(fixture.databaseUrl);
    const database = await forwardTo(hostname, Number(port));
    const late = new URL(fixture.databaseUrl);
    late.port = String(database.port);
    const [broker = ''] = kafkaBrokers();
    const [brokerHost = '', brokerPort] = broker.split(':');
    const brokers = await forwardTo(brokerHost, Number(brokerPort));

    const env = { DATABASE_URL: late.href, KAFKA_BROKERS: `127.0.0.1:${brokers.port}` };
    const worker = fixture.launch('early', { env });
    await isWaiting(worker);
    const ready = await worker.get('/ready');
    expect([ready.status, (ready.json() as { status: string }).status]).toEqual([503, 'starting']);
    expect((await worker.get('/live')).status).toBe(200);
    await database.open();
    await brokers.open();
    await worker.ready();
    await fixture.send([fixture.inputs.registration('late', 1), fixture.inputs.content('late', 'text')]);
    await fixture.settled();
    expect((await worker.stop()).code).toBe(0);
  });

  test('no longer than it is asked to: a signal ends it', async () => {
    const [port = 0] = await freePorts(1);
    const worker = fixture.launch('unwanted', { env: { DATABASE_URL: `postgres://els@127.0.0.1:${port}/els` } });
    await isWaiting(worker);
    const { code, tookMs } = await worker.stop();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(6_000);
  });
});
