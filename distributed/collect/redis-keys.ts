/**
 * Samples the keys that Redis holds, by SCAN: at most so many a call, because a server with a million hints tells no
 * more about their truth than one with some ten thousand.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';

const KEYS_PER_SCAN = 1_000;

export const REDIS_FILE = 'redis.jsonl';

export const redisKeySchema = z.object({ wallMs: z.number(), key: z.string() });

export type RedisKey = z.infer<typeof redisKeySchema>;

export const KEYS_PER_SAMPLE_MAX = 50_000;

export async function* readRedisKeys(redis: Redis, pattern: string): AsyncGenerator<RedisKey> {
  let cursor = '0';
  let count = 0;
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', KEYS_PER_SCAN);
    const wallMs = Date.now();
    for (const key of keys) yield { wallMs, key };
    count += keys.length;
    cursor = next;
  } while (cursor !== '0' && count < KEYS_PER_SAMPLE_MAX);
}
