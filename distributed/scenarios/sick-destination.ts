/**
 * Goal: trouble of one destination delays what goes there and nothing else. Method: the topic of excess contents is
 * deleted; while it is missing a backlog with a few excess contents in it must have its completions in Kafka as fast as an
 * equal backlog had before. Once the topic is made again, what waited is published, and nothing was given up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { TARGETS } from '../../artefacts/targets.ts';
import { withAdmin } from '../cluster/kafka-client.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { SendableLoad } from '../generator/sendable.ts';
import { loadNow } from './steps.ts';

const DRAIN_MS_MAX = 120_000;
const POLL_INTERVAL_MS = 50;
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
            await concludeFault(stage);
            await withAdmin(kafka, (admin) => admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }] }));
            gate(stage, withoutMs, withMs);
            await stage.quiesce();
          },
        },
      ];
    }),
};

/** How long after the first send every batch of these loads was announced complete in Kafka. */
async function announcedAfter(stage: Stage, loads: readonly SendableLoad[]): Promise<number> {
  const { kafka, sandbox } = stage.deps;
  const startedAtMs = performance.now();
  return withAdmin(kafka, async (admin) => {
    const announced = async () => {
      const partitions = await admin.fetchTopicOffsets(sandbox.topics.completed);
      return partitions.reduce((sum, { high }) => sum + Number(high), 0);
    };
    const wanted = (await announced()) + loads.reduce((sum, { manifest }) => sum + manifest.batches.length, 0);
    for (const load of loads) await stage.send(load);
    while ((await announced()) < wanted) {
      if (performance.now() - startedAtMs > DRAIN_MS_MAX) throw new Error(`not announced after ${DRAIN_MS_MAX} ms`);
      await sleep(POLL_INTERVAL_MS);
    }
    return performance.now() - startedAtMs;
  });
}

/** What goes to the missing topic must be waiting now, and none of it given up. */
async function concludeFault(stage: Stage): Promise<void> {
  const { databaseUrl } = stage.deps.sandbox.addresses;
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-look' });
  await client.connect();
  try {
    const { rows } = await client.query<{ waiting: number; dead: number }>(
      `select count(*) filter (where published_at is null and not dead)::int as waiting,
              count(*) filter (where dead)::int as dead
       from outbox`,
    );
    const { waiting = 0, dead = 0 } = rows[0] ?? {};
    stage.findings.check({
      id: 'fault-bit',
      title: 'Events for the missing topic waited in the outbox',
      verdict: waiting > 0 ? true : 'unknown',
      judged: waiting,
      message: 'nothing waited: the topic was not missed',
    });
    stage.findings.check({
      id: 'none-dead',
      title: 'No event was given up because its topic was missing',
      verdict: dead === 0,
      judged: waiting + dead,
      message: `${dead} rows are dead`,
    });
  } finally {
    await client.end();
  }
}

function gate(stage: Stage, withoutMs: number, withMs: number): void {
  stage.findings.number('announced, all destinations well', withoutMs, { unit: 'ms', better: 'lower' });
  stage.findings.number('announced, one destination sick', withMs, { unit: 'ms', better: 'lower' });
  stage.gate({
    name: 'Throughput to all other destinations while one is sick, over without',
    measured: withoutMs / withMs,
    target: TARGETS.throughputBesideTroubleMin,
    comparison: '>=',
    unit: '',
    source: 'aimed at',
  });
}
