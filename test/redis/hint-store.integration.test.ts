/**
 * The hint store against a real Redis that is stopped, frozen, full or forbidding. The server is of this file alone:
 * it is treated in ways no other test could live with.
 */
import { Redis } from 'ioredis';
import { type Stack, startStack } from '../../distributed/stack/stack.ts';
import { RedisHintStore } from '../../src/redis/hint-store.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { waitFor } from '../support/wait-for.ts';
import { range, silentLog } from '../support/worker/intake-bench.ts';

/** Command timeout 200 ms, and what a busy machine adds. */
const ANSWER_MS_MAX = 1000;
const soon = (what: string) => ({ deadlineMs: 15_000, what });
// An external server is not ours to stop.
const describeLocal = process.env['REDIS_URL'] === undefined ? describe : describe.skip;

describeLocal('RedisHintStore on a server of its own', () => {
  let stack: Stack;
  let admin: Redis;
  const stores: RedisHintStore[] = [];

  beforeAll(async () => {
    stack = await startStack({ onlyNeeded: ['redis'], onProgress: () => {} });
    admin = new Redis(stack.redisUrl);
    admin.on('error', () => {});
  }, 120_000);

  afterAll(async () => {
    admin?.disconnect();
    await stack?.stop();
  });

  beforeEach(async () => {
    await admin.flushall();
  });

  afterEach(() => {
    for (const store of stores.splice(0)) store.close();
  });

  async function openStore(options: { url?: string; ttlSeconds?: number } = {}) {
    const metrics = new Metrics();
    const store = new RedisHintStore({
      url: stack.redisUrl,
      prefix: 'p:',
      ttlSeconds: 3600,
      commandTimeoutMs: 200,
      metrics,
      log: silentLog,
      ...options,
    });
    stores.push(store);
    await store.connect();
    return { store, metrics };
  }

  /** The time the answer took and the answer. */
  async function timed(store: RedisHintStore, ids: readonly string[]) {
    const startedAtMs = performance.now();
    const answer = await store.seen(ids);
    return { answer, tookMs: performance.now() - startedAtMs };
  }

  async function errorCount(metrics: Metrics, operation: string): Promise<number> {
    const { values } = await metrics.redisErrors.get();
    return values.find((one) => one.labels.operation === operation)?.value ?? 0;
  }

  const server = () => {
    const [only] = stack.servers;
    if (only === undefined) throw new Error('there is no server of our own');
    return only;
  };

  test('what was remembered is seen, in the order asked, until it expires', async () => {
    const { store } = await openStore({ ttlSeconds: 100 });
    expect(await store.seen([])).toEqual([]);
    expect(await store.seen(['a', 'b'])).toEqual([false, false]);
    store.remember(['b']);
    await waitFor(async () => (await store.seen(['b']))[0], soon('written'));
    expect(await store.seen(['a', 'b', 'c', 'b'])).toEqual([false, true, false, true]);
    expect(await admin.keys('*')).toEqual(['p:hint:b']);
    expect(await admin.ttl('p:hint:b')).toBeGreaterThan(90);
    expect(store.status()).toBe('up');
  });

  test('a group of 500 is one read and one write', async () => {
    const { store, metrics } = await openStore();
    const ids = range(0, 500).map((index) => `e${index}`);
    store.remember(ids);
    await waitFor(async () => (await store.seen(ids)).every((seen) => seen), soon('written'));
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/els_redis_command_duration_seconds_count\{operation="write"\} 1\n/);
  });

  test('what several groups of a moment leave is one write', async () => {
    const { store, metrics } = await openStore();
    const ids = range(0, 20).map((index) => `e${index}`);
    for (const id of ids) store.remember([id]);
    await waitFor(async () => (await store.seen(ids)).every((seen) => seen), soon('written'));
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/els_redis_command_duration_seconds_count\{operation="write"\} 1\n/);
  });

  test('a server that was never there answers nothing at once, and its hints work as soon as it comes', async () => {
    await server().kill('SIGKILL');
    const { store, metrics } = await openStore();
    const { answer, tookMs } = await timed(store, ['a']);
    expect(answer).toEqual([false]);
    expect(tookMs).toBeLessThan(ANSWER_MS_MAX);
    store.remember(['a']);
    expect(store.status()).toBe('degraded');
    expect(await errorCount(metrics, 'read')).toBe(1);
    await server().start();
    await waitFor(() => store.status() === 'up', soon('connected'));
    store.remember(['a']);
    await waitFor(async () => (await store.seen(['a']))[0], soon('works'));
  }, 30_000);

  test('a server killed in between costs no error and no wait, and the store comes back with it', async () => {
    const { store } = await openStore();
    store.remember(['a']);
    await waitFor(async () => (await store.seen(['a']))[0], soon('written'));
    const asked = timed(store, ['a']);
    await server().kill('SIGKILL');
    expect((await asked).tookMs).toBeLessThan(ANSWER_MS_MAX);
    for (let count = 0; count < 20; count += 1) {
      store.remember(['b']);
      const { answer, tookMs } = await timed(store, ['a']);
      expect(answer).toEqual([false]);
      expect(tookMs).toBeLessThan(ANSWER_MS_MAX);
    }
    expect(store.status()).toBe('degraded');
    await server().start();
    // Without being asked for anything.
    await waitFor(() => store.status() === 'up', soon('connected'));
    store.remember(['c']);
    await waitFor(async () => (await store.seen(['c']))[0], soon('works again'));
  }, 40_000);

  test('a frozen server is waited for five times, then the breaker spares the wait, then one probe closes it', async () => {
    const { store, metrics } = await openStore();
    const pid = server().pid;
    if (pid === undefined) throw new Error('the server is not running');
    process.kill(pid, 'SIGSTOP');
    try {
      const waits: number[] = [];
      for (let count = 0; count < 10; count += 1) waits.push((await timed(store, ['a'])).tookMs);
      expect(waits.slice(0, 5).every((tookMs) => tookMs >= 150 && tookMs < ANSWER_MS_MAX)).toBe(true);
      expect(waits.slice(5).every((tookMs) => tookMs < 50)).toBe(true);
      expect(store.status()).toBe('degraded');
      expect(await errorCount(metrics, 'read')).toBe(10);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await waitFor(
      async () => {
        await store.seen(['a']);
        return store.status() === 'up';
      },
      { deadlineMs: 20_000, what: 'closed by a probe' },
    );
  }, 40_000);

  test('a server that is frozen while the store connects delays the start by a second at most', async () => {
    const pid = server().pid;
    if (pid === undefined) throw new Error('the server is not running');
    process.kill(pid, 'SIGSTOP');
    const startedAtMs = performance.now();
    try {
      const { store } = await openStore();
      expect(performance.now() - startedAtMs).toBeLessThan(1000 + ANSWER_MS_MAX);
      const { answer, tookMs } = await timed(store, ['a']);
      expect(answer).toEqual([false]);
      expect(tookMs).toBeLessThan(ANSWER_MS_MAX);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await waitFor(() => stores[0]?.status() === 'up', soon('connected'));
  }, 30_000);

  test('writes to a server that hangs are bounded', async () => {
    const { store, metrics } = await openStore();
    await admin.client('PAUSE', 300, 'ALL');
    // So many together are written at once.
    for (let count = 0; count < 50; count += 1) store.remember(range(0, 500).map((index) => `w${count}-${index}`));
    expect(await errorCount(metrics, 'write')).toBe(46);
    await waitFor(async () => (await store.seen(['w0']))[0] !== undefined, soon('over'));
  });

  test('a server that pauses is not waited for', async () => {
    const { store } = await openStore();
    await admin.client('PAUSE', 1000, 'ALL');
    const { answer, tookMs } = await timed(store, ['a']);
    expect(answer).toEqual([false]);
    expect(tookMs).toBeGreaterThanOrEqual(150);
    expect(tookMs).toBeLessThan(ANSWER_MS_MAX);
    // Answered when the pause is over.
    await admin.ping();
  });

  test('a full server refuses writes, which are counted, and goes on answering reads', async () => {
    const { store, metrics } = await openStore();
    store.remember(['a']);
    await waitFor(async () => (await store.seen(['a']))[0], soon('written'));
    await admin.config('SET', 'maxmemory', '1');
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    try {
      for (let count = 1; count <= 8; count += 1) {
        store.remember(['b']);
        await waitFor(async () => (await errorCount(metrics, 'write')) === count, soon('refused'));
      }
      expect(store.status()).toBe('degraded');
      expect(await store.seen(['a', 'b'])).toEqual([true, false]);
      expect(await errorCount(metrics, 'read')).toBe(0);
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
    store.remember(['b']);
    await waitFor(async () => (await store.seen(['b']))[0], soon('written'));
    expect(store.status()).toBe('up');
  });

  test('a user without permission gets no hints and no errors', async () => {
    await admin.call('ACL', 'SETUSER', 'poor', 'on', '>secret', '~*', '+ping', '+info', '+client', '+hello', '+select');
    const url = new URL(stack.redisUrl);
    url.username = 'poor';
    url.password = 'secret';
    const { store, metrics } = await openStore({ url: url.href });
    expect(await store.seen(['a'])).toEqual([false]);
    store.remember(['a']);
    await waitFor(async () => (await errorCount(metrics, 'write')) === 1, soon('refused'));
    expect(await errorCount(metrics, 'read')).toBe(1);
    expect(store.status()).toBe('degraded');
  });

  test('a closed store answers nothing and does not throw', async () => {
    const { store } = await openStore();
    store.close();
    store.remember(['a']);
    expect(await store.seen(['a'])).toEqual([false]);
    expect(store.status()).toBe('degraded');
  });
});
