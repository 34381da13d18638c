/** Live progress, presence and requests while Redis hangs, is killed and comes back: nothing is lost, or waits for it. */
import { LiveSocket } from '../../support/live-client.ts';
import { OwnServers } from '../../support/servers/own-servers.ts';
import { waitFor } from '../../support/wait-for.ts';
import { WorkerFixture } from '../../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../../support/worker/worker-program.ts';

jest.setTimeout(180_000);

const DEADLINE_MS = 60_000;
const STEP = 40;

let servers: OwnServers;
let redis: Awaited<ReturnType<OwnServers['redis']>>;
let fixture: WorkerFixture;
let gateways: WorkerProgram[];

beforeAll(async () => {
  servers = await OwnServers.open();
  redis = await servers.redis(['--port', '{port}']);
  fixture = await WorkerFixture.open({ inboundPartitions: 2, redisUrl: `redis://127.0.0.1:${redis.port}` });
  gateways = await Promise.all(
    ['gateway-1', 'gateway-2'].map((name) => fixture.launchReady(name, { program: 'src/bin/gateway.ts' })),
  );
  await fixture.launchReady('worker');
});

afterAll(async () => {
  await fixture.close();
  await servers.close();
});

const addressOf = (gateway: number, scheme: string): string =>
  `${scheme}://127.0.0.1:${Number(gateways[gateway]?.logged('http listening')?.['port'])}`;

async function post(path: string, body: unknown): Promise<number> {
  const startedAtMs = performance.now();
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${addressOf(0, 'http')}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(202);
  await response.arrayBuffer();
  return performance.now() - startedAtMs;
}

async function instances(gateway = 0): Promise<string[]> {
  const response = await fetch(`${addressOf(gateway, 'http')}/v1/gateways`);
  const body = (await response.json()) as { gateways?: { instance: string }[] };
  return (body.gateways ?? []).map(({ instance }) => instance).sort();
}

test('watchers on both gateways get every version, whatever becomes of Redis', async () => {
  await post('/v1/batches', { batch_id: 'b', course_code: 'c', user_id: 'u', essay_count: 4 * STEP });
  const clients = [0, 1].map((gateway) => new LiveSocket(`${addressOf(gateway, 'ws')}/v1/batches/b/live`));
  let sent = 0;
  const fillOn = async (): Promise<void> => {
    const items = Array.from({ length: STEP }, (_, index) => sent + index).map((n) => {
      return { file_upload_id: `u${n}`, text_storage_id: `t${n}`, original_file_name: 'f' };
    });
    sent += STEP;
    const tookMs = await Promise.all(items.map((item) => post('/v1/batches/b/contents', item)));
    // Posts have nothing to do with it.
    expect(Math.max(...tookMs)).toBeLessThan(3000);
    const what = `version ${sent}`;
    await waitFor(() => clients.every(({ version }) => version === sent), { deadlineMs: DEADLINE_MS, what });
  };
  await fillOn();
  await waitFor(async () => (await instances()).length === 2, { deadlineMs: DEADLINE_MS, what: 'both gateways' });
  expect(await instances()).toEqual(['gateway-1', 'gateway-2']);

  process.kill(redis.pid ?? 0, 'SIGSTOP');
  await fillOn();
  process.kill(redis.pid ?? 0, 'SIGCONT');

  await redis.kill('SIGKILL');
  await fillOn();
  expect(await instances()).toEqual([]);
  await redis.start();
  await waitFor(async () => (await instances(1)).length === 2, {
    deadlineMs: DEADLINE_MS,
    what: 'both gateways again',
  });
  await fillOn();
  await waitFor(() => clients.every(({ isComplete }) => isComplete), { deadlineMs: DEADLINE_MS, what: 'completion' });
  expect(clients.flatMap(({ faults }) => faults)).toEqual([]);
  expect(clients.map(({ snapshotCount, slots }) => [snapshotCount, slots.size])).toEqual(Array(2).fill([1, 4 * STEP]));
  for (const client of clients) client.cut();
});

test('a gateway that is killed is not believed for longer than a minute, one that stops not at all', async () => {
  const third = await fixture.launchReady('gateway-3', { program: 'src/bin/gateway.ts' });
  const isThere = async () => (await instances()).includes('gateway-3');
  await waitFor(isThere, { deadlineMs: DEADLINE_MS, what: 'its presence' });
  await third.stop();
  expect(await instances()).not.toContain('gateway-3');
  await gateways[1]?.end();
  const killedAtMs = performance.now();
  await waitFor(async () => !(await instances()).includes('gateway-2'), { deadlineMs: 60_000, what: 'its absence' });
  expect(performance.now() - killedAtMs).toBeLessThan(60_000);
});
