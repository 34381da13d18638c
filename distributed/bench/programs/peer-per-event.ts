/**
 * The worker as it is usually written: each message, guarded by a key in Redis, in a transaction of its own, as many
 * partitions at a time as there are connections.
 */
import { Redis } from 'ioredis';
import { runPeer } from './peer.ts';
import { contentOf } from './per-event-store.ts';

const GUARD_SECONDS = 86_400;

await runPeer(async ({ store, consumer, redisUrl, concurrency }) => {
  const redis = new Redis(redisUrl);
  await consumer.run({
    partitionsConsumedConcurrently: concurrency,
    eachMessage: async ({ message }) => {
      const content = contentOf(message.value);
      const key = `bench:event:${content.eventId}`;
      const isFirst = await redis.set(key, 'processing', 'EX', GUARD_SECONDS, 'NX');
      if (isFirst === null && (await redis.get(key)) === 'completed') return;
      await store.assign(content);
      await redis.set(key, 'completed', 'EX', GUARD_SECONDS);
    },
  });
  return async () => redis.disconnect();
});
