/** What happens to Redis: emptied, killed, full, evicting, silent, told lies. Redis itself is the witness. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Server } from '../stack/process/server.ts';
import type { Evidence, Injector } from './injector.ts';

const COMMAND_MS_MAX = 500;
const FLUSH_INTERVAL_MS = 250;
const LIES_MAX = 500;
const FILLER_MAX = 4_000;
const FILLER_BYTES = 1_000;

export const REDIS_FAULTS = [
  'redis-flush',
  'redis-kill',
  'redis-full',
  'redis-evict',
  'redis-hang',
  'redis-poison',
  'redis-scramble',
] as const;

export type RedisFault = (typeof REDIS_FAULTS)[number];

export interface RedisTarget {
  readonly url: string;
  /** Absent when the server is not ours: it cannot be killed or frozen then. */
  readonly server: Server | undefined;
  readonly hintPrefix: string;
  /** Event ids of the load that nobody has sent yet, for lies about them. */
  readonly futureEventIds: (max: number) => readonly string[];
}

export function redisInjector(fault: RedisFault, target: RedisTarget): Injector {
  const base = { fault, target: 'redis' };
  switch (fault) {
    case 'redis-flush':
      return { ...base, ...flushing(target) };
    case 'redis-kill':
      return { ...base, start: () => kill(target), stop: () => restart(target) };
    case 'redis-hang':
      return { ...base, start: () => freeze(target), stop: () => thaw(target) };
    case 'redis-full':
      return { ...base, start: () => fill(target), stop: () => unlimit(target) };
    case 'redis-evict':
      return { ...base, start: () => evict(target), stop: () => unlimit(target) };
    case 'redis-poison':
      return { ...base, start: () => plantLies(target), stop: async () => ({ note: 'lies stay' }) };
    case 'redis-scramble':
      return { ...base, ...scrambling(target) };
  }
}

async function withRedis<T>(target: RedisTarget, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(target.url, {
    lazyConnect: true,
    connectTimeout: COMMAND_MS_MAX,
    commandTimeout: COMMAND_MS_MAX,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function answers(target: RedisTarget): Promise<boolean> {
  return withRedis(target, (redis) => redis.ping()).then(
    () => true,
    () => false,
  );
}

/** Emptied again and again for as long as the fault lasts. */
function flushing(target: RedisTarget): Pick<Injector, 'start' | 'stop'> {
  let running = false;
  let flushes = 0;
  let keys = 0;
  let loop: Promise<void> = Promise.resolve();
  const flush = () =>
    withRedis(target, async (redis) => {
      keys += await redis.dbsize();
      await redis.flushdb();
      flushes++;
    }).catch(() => undefined);
  return {
    async start() {
      running = true;
      await flush();
      loop = (async () => {
        while (running) {
          await sleep(FLUSH_INTERVAL_MS);
          await flush();
        }
      })();
      return flushes > 0 ? { flushes, keysGone: keys } : null;
    },
    async stop() {
      running = false;
      await loop;
      // Emptying what was empty all the time is no fault.
      return keys > 0 ? { flushes, keysGone: keys } : null;
    },
  };
}

async function kill(target: RedisTarget): Promise<Evidence | null> {
  const identity = target.server?.identity;
  if (target.server === undefined || identity === undefined) return null;
  await target.server.kill('SIGKILL');
  return (await answers(target)) ? null : { ...identity, answers: false };
}

async function restart(target: RedisTarget): Promise<Evidence | null> {
  await target.server?.start();
  return (await answers(target)) ? { ...target.server?.identity, answers: true } : null;
}

async function freeze(target: RedisTarget): Promise<Evidence | null> {
  if (target.server === undefined) return null;
  await target.server.kill('SIGSTOP');
  return (await answers(target)) ? null : { ...target.server.identity, answersWithinMs: null };
}

async function thaw(target: RedisTarget): Promise<Evidence | null> {
  await target.server?.kill('SIGCONT');
  await sleep(50);
  return (await answers(target)) ? { answers: true } : null;
}

async function fill(target: RedisTarget): Promise<Evidence | null> {
  return withRedis(target, async (redis) => {
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    await redis.config('SET', 'maxmemory', '1');
    const refusal = await redis.set(`${target.hintPrefix}harness:probe`, '1').then(
      () => null,
      (error: Error) => error.message,
    );
    return refusal?.includes('OOM') === true ? { refusal } : null;
  }).catch(() => null);
}

/** A limit just above what is used, and filler until something had to go. */
async function evict(target: RedisTarget): Promise<Evidence | null> {
  return withRedis(target, async (redis) => {
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? 0);
    const evictedBefore = await evictedKeys(redis);
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await redis.config('SET', 'maxmemory', String(used + 200_000));
    const filler = 'x'.repeat(FILLER_BYTES);
    for (let index = 0; index < FILLER_MAX; index += 100) {
      const pipeline = redis.pipeline();
      for (let at = index; at < index + 100; at++) pipeline.set(`harness:filler:${at}`, filler, 'PX', 60_000);
      await pipeline.exec();
      if ((await evictedKeys(redis)) > evictedBefore + 100) break;
    }
    const evicted = (await evictedKeys(redis)) - evictedBefore;
    return evicted > 0 ? { evicted } : null;
  }).catch(() => null);
}

async function evictedKeys(redis: Redis): Promise<number> {
  return Number(/evicted_keys:(\d+)/.exec(await redis.info('stats'))?.[1] ?? 0);
}

async function unlimit(target: RedisTarget): Promise<Evidence | null> {
  return withRedis(target, async (redis) => {
    await redis.config('SET', 'maxmemory', '0');
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    const written = await redis.set('harness:probe', '1', 'PX', 1_000);
    return written === 'OK' ? { writes: true } : null;
  }).catch(() => null);
}

/** Hints about inputs that nobody has handled: whoever believes them loses the inputs. */
async function plantLies(target: RedisTarget): Promise<Evidence | null> {
  const ids = target.futureEventIds(LIES_MAX);
  if (ids.length === 0) return null;
  return withRedis(target, async (redis) => {
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.set(`${target.hintPrefix}hint:${id}`, '1', 'EX', 3_600);
    await pipeline.exec();
    return { lies: ids.length };
  }).catch(() => null);
}

/** The same keys written, overwritten with nonsense and deleted by somebody else, while the workers write them. */
function scrambling(target: RedisTarget): Pick<Injector, 'start' | 'stop'> {
  let running = false;
  let writes = 0;
  let loop: Promise<void> = Promise.resolve();
  const scramble = () =>
    withRedis(target, async (redis) => {
      const [, keys] = await redis.scan('0', 'MATCH', `${target.hintPrefix}hint:*`, 'COUNT', 500);
      const pipeline = redis.pipeline();
      keys.forEach((key, index) => {
        if (index % 2 === 0) pipeline.set(key, randomUUID(), 'EX', 3_600);
        else pipeline.del(key);
      });
      await pipeline.exec();
      writes += keys.length;
    }).catch(() => undefined);
  return {
    async start() {
      running = true;
      await scramble();
      loop = (async () => {
        while (running) {
          await scramble();
          await sleep(20);
        }
      })();
      return { began: true };
    },
    async stop() {
      running = false;
      await loop;
      return writes > 0 ? { writes } : null;
    },
  };
}
