/** graphile-worker behind Kafka: batches of messages become jobs in one call, a local queue takes five hundred at a time. */
import { makeWorkerUtils, run } from 'graphile-worker';
import { runPeer } from './peer.ts';
import { type Content, contentOf } from './per-event-store.ts';

const JOBS_PER_CALL = 1_000;
const LOCAL_QUEUE = 500;

await runPeer(async ({ store, consumer, databaseUrl, concurrency }) => {
  const runner = await run({
    preset: {
      worker: {
        connectionString: databaseUrl,
        concurrentJobs: concurrency,
        maxPoolSize: concurrency + 2,
        localQueue: { size: LOCAL_QUEUE },
        completeJobBatchDelay: 0,
      },
    },
    noHandleSignals: true,
    taskList: { content: (payload) => store.assign(payload as Content) },
  });
  const utils = await makeWorkerUtils({ connectionString: databaseUrl });
  await consumer.run({
    eachBatch: async ({ batch }) => {
      const contents = batch.messages.map(({ value }) => contentOf(value));
      for (let from = 0; from < contents.length; from += JOBS_PER_CALL) {
        const part = contents.slice(from, from + JOBS_PER_CALL);
        await utils.addJobs(
          part.map((payload) => ({ identifier: 'content', payload: { ...payload }, jobKey: payload.eventId })),
        );
      }
    },
  });
  return async () => {
    await runner.stop();
    await utils.release();
  };
});
