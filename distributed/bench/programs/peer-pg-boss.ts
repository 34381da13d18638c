/** pg-boss behind Kafka: batches of messages become jobs in one insert, workers fetch a hundred at a time. */
import { PgBoss } from 'pg-boss';
import { runPeer } from './peer.ts';
import { type Content, contentOf } from './per-event-store.ts';

const QUEUE = 'contents';
const JOBS_PER_INSERT = 1_000;
const JOBS_PER_FETCH = 100;
const FETCHERS = 3;

await runPeer(async ({ store, consumer, databaseUrl }) => {
  const boss = new PgBoss(databaseUrl);
  boss.on('error', (error) => process.stderr.write(`${error}\n`));
  await boss.start();
  await boss.createQueue(QUEUE);
  const fetching = {
    batchSize: JOBS_PER_FETCH,
    localConcurrency: FETCHERS,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
  };
  await boss.work<Content>(QUEUE, fetching, async (jobs) => {
    await Promise.all(jobs.map(({ data }) => store.assign(data)));
  });
  await consumer.run({
    eachBatch: async ({ batch }) => {
      const contents = batch.messages.map(({ value }) => contentOf(value));
      for (let from = 0; from < contents.length; from += JOBS_PER_INSERT) {
        const part = contents.slice(from, from + JOBS_PER_INSERT);
        await boss.insert(
          QUEUE,
          part.map((data) => ({ singletonKey: data.eventId, data })),
        );
      }
    },
  });
  return () => boss.stop({ graceful: true });
});
