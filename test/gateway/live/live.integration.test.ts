/** Live progress from gateway processes while workers fill batches: every version once, in order, without a gap. */
import { LiveClient, LiveSocket, ManySocket } from '../../support/live-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { WorkerFixture } from '../../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../../support/worker/worker-program.ts';

jest.setTimeout(120_000);

const SLOTS = 300;
const DEADLINE_MS = 30_000;

let fixture: WorkerFixture;
let gateways: WorkerProgram[];

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 4 });
  gateways = await Promise.all(
    ['gateway-1', 'gateway-2'].map((name) => fixture.launchReady(name, { program: 'src/bin/gateway.ts' })),
  );
  await Promise.all(['worker-1', 'worker-2'].map((name) => fixture.launchReady(name)));
});

afterAll(() => fixture.close());

function addressOf(gateway = 0, scheme = 'ws'): string {
  return `${scheme}://127.0.0.1:${Number(gateways[gateway]?.logged('http listening')?.['port'])}`;
}

const liveUrl = (batchId: string, gateway = 0): string => `${addressOf(gateway)}/v1/batches/${batchId}/live`;

async function register(batchId: string, count = SLOTS): Promise<void> {
  await post('/v1/batches', { batch_id: batchId, course_code: 'ENG5', user_id: 'u', essay_count: count });
}

/** By both gateways at once, so that several workers may have the batch in hand. */
async function fill(batchId: string, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  await Promise.all(
    numbers.map((number) => {
      const content = { file_upload_id: `${batchId}-u${number}`, text_storage_id: `${batchId}-t${number}` };
      return post(`/v1/batches/${batchId}/contents`, { ...content, original_file_name: 'f' }, number % gateways.length);
    }),
  );
}

async function post(path: string, body: unknown, gateway = 0): Promise<void> {
  const response = await fetch(`${addressOf(gateway, 'http')}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(202);
  await response.arrayBuffer();
}

async function reached(client: LiveClient, version: number): Promise<void> {
  await waitFor(() => (client.version ?? -1) >= version, { deadlineMs: DEADLINE_MS, what: `version ${version}` });
}

async function completed(clients: readonly LiveClient[]): Promise<void> {
  await waitFor(() => clients.every(({ isComplete }) => isComplete), { deadlineMs: DEADLINE_MS, what: 'completion' });
}

async function tableOf(batchId: string): Promise<Map<number, string>> {
  const rows = await fixture.sql<{ position: number; essay_id: string }>(
    `select position, essay_id from slots where batch_id = $1 and status <> 'open'`,
    [batchId],
  );
  return new Map(rows.map(({ position, essay_id }) => [position, essay_id]));
}

test('clients of two gateways, come before, during and after, have what the table has, without a gap', async () => {
  const before = [0, 1, 0, 1].map((gateway) => new LiveSocket(liveUrl('order', gateway)));
  await register('order');
  await fill('order', 0, 100);
  const during = [0, 1].map((gateway) => new LiveSocket(liveUrl('order', gateway)));
  await fill('order', 100, SLOTS);
  const clients = [...before, ...during, new LiveSocket(liveUrl('order'))];
  await completed(clients);
  const table = await tableOf('order');
  for (const client of clients) {
    expect([client.faults, client.version, client.snapshotCount, client.extensions]).toEqual([[], SLOTS, 1, '']);
    expect(new Map([...client.slots].sort())).toEqual(new Map([...table].sort()));
    client.cut();
  }
});

test('who comes back with its version gets exactly what it missed, from another gateway, again and again', async () => {
  await register('back');
  let client = new LiveSocket(liveUrl('back'));
  for (const round of [1, 2, 3]) {
    await fill('back', (round - 1) * 100, (round - 1) * 100 + 50);
    await reached(client, (round - 1) * 100 + 50);
    expect(client.faults).toEqual([]);
    client.cut();
    await fill('back', (round - 1) * 100 + 50, round * 100);
    client = new LiveSocket(liveUrl('back', round % 2), client.version);
    await reached(client, round * 100);
    expect([client.faults, client.snapshotCount]).toEqual([[], 0]);
  }
  await completed([client]);
  client.cut();
});

test('what a worker commits is told at the ring of the bell, long before the next look', async () => {
  await register('bell', 40);
  const client = new LiveSocket(liveUrl('bell'));
  await waitFor(() => client.version === 0, { deadlineMs: DEADLINE_MS, what: 'a snapshot' });
  const startedAtMs = performance.now();
  for (let number = 0; number < 20; number += 1) {
    await fill('bell', number, number + 1);
    await reached(client, number + 1);
  }
  // By looks alone, one a second, it would take ten seconds on the average.
  expect(performance.now() - startedAtMs).toBeLessThan(6000);
  expect(client.faults).toEqual([]);
  client.cut();
});

test('without Redis a gateway looks by itself, and tells as much', async () => {
  const port = Number(
    (
      await fixture.launchReady('gateway-deaf', {
        program: 'src/bin/gateway.ts',
        env: { REDIS_URL: 'redis://127.0.0.1:1' },
      })
    ).logged('http listening')?.['port'],
  );
  const client = new LiveSocket(`ws://127.0.0.1:${port}/v1/batches/deaf/live`);
  await register('deaf', 30);
  await fill('deaf', 0, 30);
  await completed([client]);
  expect([client.faults, client.version]).toEqual([[], 30]);
  client.cut();
});

test('a version that the database does not have is answered with a snapshot', async () => {
  await register('ahead', 3);
  await fill('ahead', 0, 2);
  const client = new LiveSocket(liveUrl('ahead'), 77);
  await waitFor(() => client.snapshotCount === 1 && client.version === 2, { deadlineMs: DEADLINE_MS, what: 'it' });
  expect(client.faults).toEqual([]);
  client.cut();
});

test('server-sent events say the same, and go on behind Last-Event-ID', async () => {
  await register('events', 20);
  await fill('events', 0, 20);
  const read = async (lastEventId: number | null) => {
    const client = new LiveClient(lastEventId);
    const abort = new AbortController();
    const response = await fetch(`${addressOf(0, 'http')}/v1/batches/events/live`, {
      headers: lastEventId === null ? {} : { 'last-event-id': String(lastEventId) },
      signal: abort.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) client.take(/^data: (.*)$/m.exec(event)?.[1] ?? '');
      if (client.isComplete) break;
    }
    abort.abort();
    return client;
  };
  const whole = await read(null);
  const rest = await read(15);
  expect([whole.faults, whole.slots.size, whole.snapshotCount]).toEqual([[], 20, 1]);
  expect([rest.faults, rest.slots.size, rest.snapshotCount]).toEqual([[], 5, 0]);
});

test.each<[string, string, number | null, object, string]>([
  ['another page', '/v1/batches/b/live', null, { origin: 'http://elsewhere.example' }, '403'],
  ['no such route', '/v1/batches/b/grades', null, {}, '404'],
  ['no id', '/v1/batches/%20/live', null, {}, '400'],
  ['a malformed path', '/v1/batches/%ff/live', null, {}, '400'],
  ['a version that is none', '/v1/batches/b/live', 1.5, {}, '400'],
])('%s is refused before the upgrade', async (_name, path, after, options, status) => {
  const client = new LiveSocket(`${addressOf()}${path}`, after, options);
  await waitFor(() => client.code !== undefined, { deadlineMs: DEADLINE_MS, what: 'the refusal' });
  expect(client.faults.join()).toContain(status);
});

test('one socket on many batches has each whole, from where it says, until it says no more', async () => {
  const ids = Array.from({ length: 12 }, (_, index) => `many-${index}`);
  await Promise.all(ids.map((id) => register(id, 10)));
  const socket = new ManySocket(`${addressOf()}/v1/live`);
  await socket.opened;
  const clients = ids.map((id) => socket.watch(id));
  await waitFor(() => clients.every(({ version }) => version === 0), { deadlineMs: DEADLINE_MS, what: 'snapshots' });
  socket.say({ type: 'unwatch', batch_id: 'many-0' });
  await Promise.all(ids.map((id) => fill(id, 0, 10)));
  await completed(clients.slice(1));
  expect(clients.slice(1).flatMap(({ faults }) => faults)).toEqual([]);
  for (const id of ids.slice(1)) expect(socket.clients.get(id)?.slots).toEqual(await tableOf(id));
  expect(clients[0]?.version).toBe(0);
  const resumed = socket.watch('many-0', 4);
  await completed([resumed]);
  expect([resumed.faults, resumed.snapshotCount, resumed.slots.size]).toEqual([[], 0, 6]);
  socket.cut();
});

test('a socket watches no more batches than one may, and one that talks nonsense is closed', async () => {
  const gateway = await fixture.launchReady('gateway-strict', {
    program: 'src/bin/gateway.ts',
    env: { GATEWAY_WATCHES_PER_CONNECTION_MAX: '2' },
  });
  const socket = new ManySocket(`ws://127.0.0.1:${Number(gateway.logged('http listening')?.['port'])}/v1/live`);
  await socket.opened;
  for (const id of ['one', 'two', 'three', 'two']) socket.watch(id);
  await waitFor(() => socket.refusals.length > 0, { deadlineMs: DEADLINE_MS, what: 'a refusal' });
  expect(socket.refusals).toMatchObject([{ batch_id: 'three', status: 429 }]);
  socket.say('{"type":"watch"');
  await waitFor(() => socket.code !== undefined, { deadlineMs: DEADLINE_MS, what: 'the end' });
  expect(socket.code).toBe(1008);
});

test('a gateway that stops sends its clients to another one, and exits well', async () => {
  await register('moves', 10);
  const client = new LiveSocket(liveUrl('moves', 1));
  await waitFor(() => client.version === 0, { deadlineMs: DEADLINE_MS, what: 'a snapshot' });
  const stopped = await gateways[1]?.stop();
  await waitFor(() => client.code !== undefined, { deadlineMs: DEADLINE_MS, what: 'the end of the connection' });
  expect([stopped?.code, client.code]).toEqual([0, 1012]);
});
