/** Counts requests in Redis: `<prefix>requests:<key>`, expiring with its window. */
import type { SharedCounter, WindowCount } from '../domain/access.ts';
import type { BoundedRedis } from './bounded-redis.ts';

const COUNT = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}`;

export class RedisRequestCounter implements SharedCounter {
  private readonly redis: BoundedRedis;
  private readonly prefix: string;

  constructor(redis: BoundedRedis, prefix: string) {
    this.redis = redis;
    this.prefix = prefix;
  }

  async count(key: string, windowMs: number): Promise<WindowCount | undefined> {
    const answer = await this.redis.ask((client) => client.eval(COUNT, 1, `${this.prefix}requests:${key}`, windowMs));
    if (answer === undefined) return undefined;
    const [count, endsInMs] = answer as [number, number];
    return { count, endsInMs };
  }
}
