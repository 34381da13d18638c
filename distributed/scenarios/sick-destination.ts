/**
 * Goal: trouble of one destination delays what goes there and nothing else. Method: the topic of excess contents is
 * deleted; while it is missing a backlog with a few excess contents in it must have its completions in Kafka as fast as an
 * equal backlog had before. Once the topic is made again, what waited is published, and nothing was given up.
 */
import { createTopic, withAdmin } from '../cluster/kafka-client.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { announcedAfter, gateOthers, judgeWaiting } from './destinations.ts';
import { loadNow } from './steps.ts';

const PARTITIONS = 3;

export const sickDestination: Scenario = {
  name: 'sick_destination',
  goal: 'A destination that takes nothing delays what goes there, and nothing else; nothing is given up.',
  method: 'One outbound topic deleted during a backlog and made again, against an equal backlog without it.',
  defaultInstances: [3],
  parts: (request) =>
    forEachInstances(request, (workers) => {
      const options = {
        ...DEFAULT_LOAD,
        batches: request.tier === 'quick' ? 300 : 1_200,
        earlyPercent: 0,
        // An event of the deleted topic would be gone with it, and be missed in the end.
        excessPercent: 0,
        failurePercent: 0,
        duplicatePercent: 0,
      };
      const sick = { ...options, batches: 20, excessPercent: 100 };
      return [
        {
          name: 'missing-topic',
          workers,
          options: { ...options, sickBatches: sick.batches },
          run: async (stage) => {
            const { kafka, sandbox } = stage.deps;
            const topic = sandbox.topics.excess;
            await stage.startWorkers();
            stage.beginLoad();
            // Warm: what is compared is neither the first run of the code nor of the plans.
            await announcedAfter(stage, [loadNow({ ...options, seed: request.seed + 3 })]);
            const withoutMs = await announcedAfter(stage, [loadNow({ ...options, seed: request.seed })]);
            await withAdmin(kafka, (admin) => admin.deleteTopics({ topics: [topic] }));
            const loads = [
              { ...sick, seed: request.seed + 1 },
              { ...options, seed: request.seed + 2 },
            ].map(loadNow);
            const withMs = await announcedAfter(stage, loads);
            await judgeWaiting(stage);
            await withAdmin(kafka, (admin) => createTopic(admin, { topic, numPartitions: PARTITIONS }));
            gateOthers(stage, withoutMs, withMs);
            await stage.quiesce();
          },
        },
      ];
    }),
};
