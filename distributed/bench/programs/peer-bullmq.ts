/** BullMQ behind Kafka: batches of messages become jobs by addBulk, a worker handles a hundred at a time. */
import { Queue, Worker } from 'bullmq';
import { runPeer } from './peer.ts';
import { type Content, contentOf } from './per-event-store.ts';

const QUEUE = 'contents';
const JOBS_PER_BULK = 1_000;
const JOBS_AT_A_TIME = 100;

await runPeer(async ({ store, consumer, redisUrl }) => {
  const connection = { url: redisUrl, maxRetriesPerRequest: null };
  const queue = new Queue<Content>(QUEUE, { connection, defaultJobOptions: { removeOnComplete: true } });
  const worker = new Worker<Content>(QUEUE, ({ data }) => store.assign(data), {
    connection,
    concurrency: JOBS_AT_A_TIME,
  });
  worker.on('failed', (_job, error) => process.stderr.write(`${error.stack ?? error.message}\n`));
  worker.on('error', (error) => process.stderr.write(`${error.stack ?? error.message}\n`));
  await consumer.run({
    eachBatch: async ({ batch }) => {
      const contents = batch.messages.map(({ value }) => contentOf(value));
      for (let from = 0; from < contents.length; from += JOBS_PER_BULK) {
        const part = contents.slice(from, from + JOBS_PER_BULK);
        await queue.addBulk(part.map((data) => ({ name: 'content', data, opts: { jobId: data.eventId } })));
      }
    },
  });
  return async () => {
    await worker.close();
    await queue.close();
  };
});
