/**
 * Which gateways there are, in Redis: the hash `<prefix>gateways`, a field for each with the time at which it is not
 * believed any more, by the server's clock. Whoever writes takes away what has expired.
 */
import type { GatewayPresence, GatewayReport } from '../domain/live.ts';
import type { BoundedRedis } from './bounded-redis.ts';

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;
const ANNOUNCE = `${NOW}
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now + ARGV[2]) .. ' ' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if tonumber(string.match(all[i + 1], '^%d+')) <= now then redis.call('HDEL', KEYS[1], all[i]) end
end`;
const LIST = `${NOW}
local found = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local ends, report = string.match(all[i + 1], '^(%d+) (.*)$')
  if tonumber(ends) > now then table.insert(found, report) end
end
return found`;

export class RedisGatewayPresence implements GatewayPresence {
  private readonly redis: BoundedRedis;
  private readonly key: string;

  constructor(redis: BoundedRedis, prefix: string) {
    this.redis = redis;
    this.key = `${prefix}gateways`;
  }

  async announce(report: GatewayReport, believedMs: number): Promise<void> {
    const text = JSON.stringify(report);
    await this.redis.ask((client) => client.eval(ANNOUNCE, 1, this.key, report.instance, believedMs, text));
  }

  async withdraw(instance: string): Promise<void> {
    await this.redis.ask((client) => client.hdel(this.key, instance));
  }

  async all(): Promise<GatewayReport[] | undefined> {
    const found = await this.redis.ask((client) => client.eval(LIST, 1, this.key));
    return (found as string[] | undefined)?.map((text) => JSON.parse(text) as GatewayReport);
  }
}
