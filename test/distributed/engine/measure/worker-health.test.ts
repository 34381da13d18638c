import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { untilAllSay } from '../../../../distributed/engine/measure/worker-health.ts';

const { signal } = new AbortController();
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** Says one status for a time, and another one from then on. */
async function worker(before: string, after: string, changesAfterMs: number): Promise<{ url: string }> {
  const startedAtMs = performance.now();
  const server = createServer((_request, response) => {
    const status = performance.now() - startedAtMs < changesAfterMs ? before : after;
    response.writeHead(status === 'unhealthy' ? 503 : 200).end(JSON.stringify({ status }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('the last worker decides how long noticing took', async () => {
  const workers = [await worker('healthy', 'unhealthy', 0), await worker('healthy', 'unhealthy', 400)];
  const isSo = (status: string) => status === 'unhealthy';
  expect(await untilAllSay({ workers, isSo, limitMs: 5_000, signal })).toBeGreaterThan(300);
});

test('null when one of them does not say so within the limit, or does not answer', async () => {
  const isSo = (status: string) => status === 'degraded';
  const workers = [await worker('degraded', 'degraded', 0), { url: 'http://127.0.0.1:9' }];
  expect(await untilAllSay({ workers, isSo, limitMs: 300, signal })).toBeNull();
  expect(await untilAllSay({ workers, isSo: (status) => status !== 'healthy', limitMs: 300, signal })).not.toBeNull();
});
