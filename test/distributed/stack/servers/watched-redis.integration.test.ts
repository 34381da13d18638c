/** A real failover: the stack's address leads to the replica that the sentinels made the master. */
import { Redis } from 'ioredis';
import { serverFrozen } from '../../../../distributed/nemesis/server-faults.ts';
import { startStack } from '../../../../distributed/stack/stack.ts';

jest.setTimeout(120_000);

test('a frozen master is replaced, and whoever goes by the address of the stack comes to its successor', async () => {
  const stack = await startStack({ onlyNeeded: ['redis'], redisSentinels: true, onProgress: () => undefined });
  const redis = new Redis(stack.redisUrl);
  redis.on('error', () => undefined);
  try {
    const { watchedRedis } = stack;
    if (watchedRedis === undefined) throw new Error('there are sentinels');
    await redis.set('before', '1');
    expect(await redis.wait(1, 5_000)).toBe(1);
    expect(watchedRedis.isFailedOver).toBe(false);
    const former = watchedRedis.master;
    const fault = serverFrozen(former);
    expect(await fault.start()).not.toBeNull();
    await watchedRedis.untilFailedOver();
    expect(watchedRedis.isFailedOver).toBe(true);
    expect(watchedRedis.master.port).not.toBe(former.port);
    expect(await redis.get('before')).toBe('1');
    await redis.set('after', '1');
    expect(await fault.stop()).not.toBeNull();
  } finally {
    redis.disconnect();
    await stack.stop();
  }
});
