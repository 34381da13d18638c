/** What a worker and the operators' commands make of whatever listens at the addresses they are given. */

import { ChildProgram } from '../support/child-program.ts';
import { createEmptyDatabase } from '../support/servers/empty-database.ts';
import { RudeServer } from '../support/servers/rude-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

const REFUSED = 78;
const ENVIRONMENT = 3;

jest.setTimeout(90_000);

let fixture: WorkerFixture;

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 2 });
});
afterAll(() => fixture?.close());

function databaseUrl(change: (url: URL) => void): string {
  const url = new URL(fixture.databaseUrl);
  change(url);
  return url.href;
}

const MISSING = {
  database: () => databaseUrl((url) => (url.pathname = '/no_such_database')),
  user: () => databaseUrl((url) => (url.username = 'no_such_user')),
  TLS: () => databaseUrl((url) => url.searchParams.set('sslmode', 'verify-full')),
};

async function expectOneLine(args: readonly string[], url: string): Promise<void> {
  const command = new ChildProgram('src/bin/admin.ts', args, { DATABASE_URL: url });
  expect([await command.exited(), command.stderr.trim().split('\n').length]).toEqual([REFUSED, 1]);
  expect(command.stderr).toContain('DATABASE_URL');
}

describe.each(Object.entries(MISSING))('a server that lacks the %s that is asked for', (_what, url) => {
  test('is not waited for by a worker', async () => {
    const worker = fixture.launch('refused', { env: { DATABASE_URL: url() } });
    expect(await worker.exited()).toBe(REFUSED);
    expect(worker.messages()).not.toContain('waiting for a server to answer');
    expect(worker.logLines().filter(({ level }) => level === 'fatal')).toHaveLength(1);
  });

  test('is told by els migrate up in one line', () => expectOneLine(['migrate', 'up'], url()));
});

describe('els commands', () => {
  test.each([
    ['migrate', 'status'],
    ['batch', 'show', 'b'],
    ['outbox', 'stats'],
  ])('%s %s tells a database that is missing in one line', (...args) => expectOneLine(args, MISSING.database()));
});

describe('a database that was never migrated', () => {
  test.each([
    ['batch', 'show', 'b'],
    ['outbox', 'stats'],
  ])('makes els %s %s name the command', async (...args) => {
    const empty = await createEmptyDatabase();
    const command = new ChildProgram('src/bin/admin.ts', args, { DATABASE_URL: empty.databaseUrl });
    expect(await command.exited()).toBe(REFUSED);
    expect(command.stderr).toContain('run els migrate up');
    await empty.drop();
  });
});

describe.each(['silent', 'hangs up'] as const)('a server that %s', (manners) => {
  let server: RudeServer;
  let address: string;

  beforeEach(async () => {
    server = new RudeServer(manners);
    address = await server.listen();
  });
  afterEach(() => server.close());

  test.each([['up'], ['status']])('ends els migrate %s with one line', async (verb) => {
    const command = new ChildProgram('src/bin/admin.ts', ['migrate', verb], {
      DATABASE_URL: `postgres://els@${address}/els`,
    });
    expect(await command.exited()).toBe(ENVIRONMENT);
    expect(command.stderr.trim().split('\n')).toHaveLength(1);
  });

  test.each([['DATABASE_URL'], ['KAFKA_BROKERS']])(
    'is waited for as %s, and a signal ends the wait at once',
    async (name) => {
      const value = name === 'DATABASE_URL' ? `postgres://els@${address}/els` : address;
      const worker = fixture.launch('waiting', { env: { [name]: value } });
      await waitFor(() => server.heard > 0, { deadlineMs: 30_000, what: 'a worker that asks' });
      const { code, tookMs } = await worker.stop();
      expect(code).toBe(0);
      expect(tookMs).toBeLessThan(4_000);
      expect(worker.messages()).not.toContain('fatal');
    },
  );
});
