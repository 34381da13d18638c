/** Three gateways behind nginx, by the routes that the compose stack has: one of them may die while they are asked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startNginx } from '../../distributed/stack/servers/nginx.ts';
import { LiveSocket } from '../support/live-client.ts';
import { OwnServers } from '../support/servers/own-servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker/worker-program.ts';

jest.setTimeout(180_000);

const DEADLINE_MS = 60_000;

let servers: OwnServers;
let fixture: WorkerFixture;
let gateways: WorkerProgram[];
let port: number;

beforeAll(async () => {
  servers = await OwnServers.open();
  fixture = await WorkerFixture.open({ inboundPartitions: 2 });
  const env = { HTTP_READS_PER_SECOND_MAX: '1000' };
  gateways = await Promise.all(
    ['gateway-1', 'gateway-2', 'gateway-3'].map((name) => {
      return fixture.launchReady(name, { program: 'src/bin/gateway.ts', env });
    }),
  );
  await fixture.launchReady('worker');
  const ports = gateways.map((gateway) => Number(gateway.logged('http listening')?.['port']));
  const nginx = await startNginx(servers.context, ports);
  port = nginx.port;
});

afterAll(async () => {
  await fixture.close();
  await servers.close();
});

const urlOf = (path: string, scheme = 'http'): string => `${scheme}://127.0.0.1:${port}${path}`;

async function post(path: string, body: unknown, key: string): Promise<number> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key };
  const init = { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) };
  const response = await fetch(urlOf(path), init).catch(() => undefined);
  await response?.arrayBuffer().catch(() => undefined);
  return response?.status ?? 0;
}

/** As a client with a key does: until it is accepted. Answers what it was told otherwise. */
async function accepted(path: string, body: unknown, key: string): Promise<number[]> {
  const others: number[] = [];
  const isAccepted = async () => {
    const status = await post(path, body, key);
    if (status !== 202) others.push(status);
    return status === 202;
  };
  await waitFor(isAccepted, { deadlineMs: DEADLINE_MS, what: `${key} accepted` });
  return others;
}

const content = (n: number) => ({ file_upload_id: `u${n}`, text_storage_id: `t${n}`, original_file_name: 'f' });
const registration = (batchId: string, count: number) => {
  return { batch_id: batchId, course_code: 'c', user_id: 'u', essay_count: count };
};

test('requests are spread, and probes and metrics stay inside', async () => {
  const upstreams = new Map<string, number>();
  // Fewer than one gateway reads at a time: on a slow machine none is refused, wherever they go.
  const answers = await Promise.all(Array.from({ length: 30 }, () => fetch(urlOf('/v1/batches'))));
  for (const answer of answers) {
    expect(answer.status).toBe(200);
    const upstream = answer.headers.get('x-upstream') ?? '';
    upstreams.set(upstream, (upstreams.get(upstream) ?? 0) + 1);
    await answer.arrayBuffer();
  }
  expect(upstreams.size).toBe(3);
  expect(Math.max(...upstreams.values())).toBeLessThanOrEqual(15);
  for (const path of ['/metrics', '/health', '/ready', '/live', '/info']) {
    expect([path, (await fetch(urlOf(path))).status]).toEqual([path, 404]);
  }
});

test('a stream is passed on as it comes', async () => {
  await accepted('/v1/batches', registration('streamed', 2), 'streamed');
  const abort = new AbortController();
  const response = await fetch(urlOf('/v1/batches/streamed/live'), { signal: abort.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const chunks = response.body?.getReader();
  const startedAtMs = performance.now();
  const first = Buffer.from((await chunks?.read())?.value ?? []).toString();
  expect(first).toContain('event: snapshot');
  expect(performance.now() - startedAtMs).toBeLessThan(5000);
  abort.abort();
});

test('while a gateway dies every post with a key is placed once, and every watcher goes on without a gap', async () => {
  const slots = 300;
  await accepted('/v1/batches', registration('busy', slots), 'busy');
  const sockets = Array.from({ length: 9 }, () => new LiveSocket(urlOf('/v1/batches/busy/live', 'ws')));
  await waitFor(() => sockets.every(({ version }) => version !== null), { deadlineMs: DEADLINE_MS, what: 'snapshots' });
  let done = 0;
  const refusals: number[] = [];
  const posting = Array.from({ length: slots }, async (_, n) => {
    // Ten at a time, so that it dies in the middle.
    await waitFor(() => n < done + 10, { deadlineMs: DEADLINE_MS, what: 'a turn' });
    refusals.push(...(await accepted('/v1/batches/busy/contents', content(n), `busy ${n}`)));
    done += 1;
    if (done === 100) gateways[0]?.kill('SIGKILL');
  });
  const coming = sockets.map(async (socket) => {
    await waitFor(() => socket.isComplete || socket.code !== undefined, { deadlineMs: DEADLINE_MS, what: 'an end' });
    if (socket.isComplete) return socket;
    const resumed = new LiveSocket(urlOf('/v1/batches/busy/live', 'ws'), socket.version);
    await waitFor(() => resumed.isComplete, { deadlineMs: DEADLINE_MS, what: 'completion' });
    for (const [position, essayId] of socket.slots) resumed.slots.set(position, essayId);
    return resumed;
  });
  await Promise.all(posting);
  const ended = await Promise.all(coming);
  // Who has a key does not notice: another gateway is asked the same. What is said by a gateway itself is another matter.
  expect(refusals.filter((status) => status !== 503 && status !== 429)).toEqual([]);
  expect(ended.flatMap(({ faults }) => faults)).toEqual([]);
  expect(ended.map((each) => each.slots.size)).toEqual(ended.map(() => slots));
  expect(await fixture.count(`slots where batch_id = 'busy' and status = 'filled'`)).toBe(slots);
  expect(await fixture.count(`excess_contents where batch_id = 'busy'`)).toBe(0);
  expect(sockets.filter(({ code }) => code === 1006).length).toBeGreaterThan(0);
  for (const each of [...sockets, ...ended]) each.cut();
});

test('no query is in the log, where a ticket would be', async () => {
  await fetch(urlOf('/v1/batches?q=not-to-be-logged'));
  const log = () => readFileSync(join(servers.folder, `nginx-${port}`, 'access.log'), 'utf8');
  await waitFor(() => log().includes('GET /v1/batches'), { deadlineMs: DEADLINE_MS, what: 'a line' });
  expect(log()).not.toContain('not-to-be-logged');
});
