/** The counter on a server of its own: one count for all, and no wait for a server that does not answer. */
import { pino } from 'pino';
import { BoundedRedis } from '../../src/redis/bounded-redis.ts';
import { RedisRequestCounter } from '../../src/redis/request-counter.ts';
import { OwnServers } from '../support/servers/own-servers.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(60_000);

let servers: OwnServers;

beforeAll(async () => {
  servers = await OwnServers.open();
});

afterAll(() => servers.close());

test('counts for all, and while the server hangs answers at once that it cannot', async () => {
  const server = await servers.redis(['--port', '{port}']);
  const target = { url: () => `redis://127.0.0.1:${server.port}`, tls: {}, isCluster: false };
  const options = { target, answerMsMax: 50, without: 'test', log: pino({ level: 'silent' }) };
  const connections = [new BoundedRedis(options), new BoundedRedis(options)] as const;
  for (const connection of connections) connection.open();
  const one = new RedisRequestCounter(connections[0], 'test:');
  const other = new RedisRequestCounter(connections[1], 'test:');
  const counts = async (counter = one) => (await counter.count('user', 60_000))?.count;
  try {
    await waitFor(async () => (await one.count('warm', 60_000)) !== undefined, { deadlineMs: 10_000, what: 'a count' });
    await waitFor(async () => (await other.count('warm', 60_000)) !== undefined, {
      deadlineMs: 10_000,
      what: 'a count',
    });
    expect([await counts(), await counts(other), await counts()]).toEqual([1, 2, 3]);
    const window = await one.count('user', 60_000);
    expect(window?.endsInMs).toBeGreaterThan(50_000);

    process.kill(server.pid ?? 0, 'SIGSTOP');
    try {
      const waits: number[] = [];
      for (let request = 0; request < 50; request += 1) {
        const startedAtMs = performance.now();
        expect(await counts()).toBeUndefined();
        waits.push(performance.now() - startedAtMs);
      }
      // Two find out; the others are spared.
      expect(waits.filter((waitedMs) => waitedMs > 30).length).toBeLessThanOrEqual(3);
      expect(Math.max(...waits)).toBeLessThan(500);
    } finally {
      process.kill(server.pid ?? 0, 'SIGCONT');
    }
    await waitFor(async () => (await counts()) !== undefined, { deadlineMs: 20_000, what: 'a count again' });
  } finally {
    for (const connection of connections) connection.close();
  }
});
