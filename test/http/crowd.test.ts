/** Callers in crowds and loops: what they may take from a process that has other work to do. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { errorBody } from '../../src/contract/http.ts';
import { createHttpServer, HttpServer } from '../../src/http/server.ts';
import { httpServerDeps } from '../support/http-server.ts';
import { waitFor } from '../support/wait-for.ts';

const DEADLINE = { deadlineMs: 10_000 };

async function listening() {
  const bench = httpServerDeps();
  const server = new HttpServer({ ...bench.deps, host: '127.0.0.1', port: 0, isPortChosen: true });
  await server.start();
  return { ...bench, server, url: `http://127.0.0.1:${server.port}` };
}

test('a probe gets in and the descriptors stay bounded, however many connections others keep open', async () => {
  const { server, url } = await listening();
  const sockets: Socket[] = [];
  try {
    for (let index = 0; index < 600; index += 1) {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {});
      await once(socket, 'connect');
      sockets.push(socket);
    }
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    await waitFor(() => sockets.filter(({ destroyed }) => !destroyed).length <= 256, {
      ...DEADLINE,
      what: 'at most 256 connections',
    });
    // Those that came last are those that are left.
    expect(sockets.at(-1)?.destroyed).toBe(false);
    expect(sockets[0]?.destroyed).toBe(true);
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
});

test('a connection that asks is kept before those that do not', async () => {
  const { server, url } = await listening();
  const sockets: Socket[] = [];
  const first = connect(server.port, '127.0.0.1').on('error', () => {});
  await once(first, 'connect');
  try {
    for (let index = 0; index < 400; index += 1) {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {});
      await once(socket, 'connect');
      sockets.push(socket);
      if (index % 100 === 0) {
        first.write('GET /live HTTP/1.1\r\nhost: x\r\n\r\n');
        await once(first, 'data');
      }
    }
    expect((await fetch(`${url}/live`)).status).toBe(200);
    expect(first.destroyed).toBe(false);
  } finally {
    for (const socket of [first, ...sockets]) socket.destroy();
    await server.stop();
  }
});

test('who sends its request too slowly is cut off', async () => {
  const { server } = await listening();
  const slow = connect(server.port, '127.0.0.1').on('error', () => {});
  await once(slow, 'connect');
  slow.write('GET /live HTTP/1.1\r\n');
  const startedAtMs = performance.now();
  slow.resume();
  await once(slow, 'close');
  expect(performance.now() - startedAtMs).toBeLessThan(9000);
  await server.stop();
}, 20_000);

describe('a database that does not answer', () => {
  test('is asked by a few at a time; who comes on top is told at once to come again', async () => {
    const { deps, status, logged } = httpServerDeps();
    let free = () => {};
    const freed = new Promise<void>((resolve) => {
      free = resolve;
    });
    let asked = 0;
    status.batch = async () => {
      asked += 1;
      await freed;
      return null;
    };
    const server = createHttpServer(deps);
    const first = Array.from({ length: 32 }, () => server.inject('/v1/batches/b/status'));
    await waitFor(() => asked === 32, { ...DEADLINE, what: 'all that may ask' });
    const startedAtMs = performance.now();
    const others = await Promise.all(Array.from({ length: 50 }, () => server.inject('/v1/batches/b/status')));
    expect(performance.now() - startedAtMs).toBeLessThan(1000);
    for (const reply of others) {
      expect(reply.statusCode).toBe(503);
      expect(reply.headers['retry-after']).toBe('1');
      expect(errorBody.parse(reply.json()).error.code).toBe('CONNECTION_ERROR');
    }
    expect(asked).toBe(32);
    expect((await server.inject('/ready')).statusCode).toBe(200);
    // Fifty refusals for one reason are a line.
    expect(logged).toHaveLength(1);
    free();
    expect((await Promise.all(first)).map(({ statusCode }) => statusCode)).toEqual(Array(32).fill(404));
    expect((await server.inject('/v1/batches/b/status')).statusCode).toBe(404);
  });
});

test('scrapes that come together share one text', async () => {
  const { deps } = httpServerDeps();
  let madeCount = 0;
  const { registry } = new (await import('../../src/telemetry/metrics.ts')).Metrics();
  registry.registerMetric(
    new (await import('prom-client')).Gauge({
      name: 'made',
      help: 'Counts.',
      registers: [],
      collect() {
        madeCount += 1;
        this.set(madeCount);
      },
    }),
  );
  const { ProcessMetrics } = await import('../../src/telemetry/process-metrics.ts');
  const metrics = new ProcessMetrics({ registry } as ConstructorParameters<typeof ProcessMetrics>[0], {
    version: '',
    instance: '',
  });
  const server = createHttpServer({ ...deps, metrics });
  const texts = await Promise.all(Array.from({ length: 100 }, async () => (await server.inject('/metrics')).payload));
  expect(new Set(texts).size).toBe(1);
  expect(madeCount).toBe(1);
  await waitFor(async () => (await server.inject('/metrics')).payload.includes('made 2'), {
    ...DEADLINE,
    what: 'a text that is new',
  });
});
