/**
 * Goal: a batch that somebody holds costs only itself. Method: a foreign session locks the row of one batch; then a
 * backlog of many others is sent together with what that batch gets, and must drain as fast as an equal backlog that
 * was sent before without the lock. After the release the held batch completes. Both routings, because they spread a
 * batch differently over partitions and workers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { TARGETS } from '../../artefacts/targets.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD, type LoadOptions } from '../generator/load-options.ts';
import type { SendableLoad } from '../generator/sendable.ts';
import { loadNow } from './steps.ts';

const DRAIN_MS_MAX = 120_000;
const POLL_INTERVAL_MS = 50;

export const heldBatch: Scenario = {
  name: 'held_batch',
  goal: 'A batch whose row somebody holds delays nothing but itself.',
  method: 'One row locked by a foreign session during a backlog, against an equal backlog without it.',
  defaultInstances: [3],
  parts: (request) =>
    forEachInstances(request, (workers) =>
      (['production', 'adversarial'] as const).map((routing) => part(request, workers, routing)),
    ),
};

function part(request: PartRequest, workers: number, routing: LoadOptions['routing']): PartPlan {
  const isQuick = request.tier === 'quick';
  const options = { ...DEFAULT_LOAD, routing, batches: isQuick ? 300 : 1_200, earlyPercent: 0 };
  const held = { ...options, seed: request.seed + 2, batches: 1, slots: 40, batchesInFlight: 1 };
  const holdMs = isQuick ? 8_000 : 60_000;
  return {
    name: routing,
    workers,
    options: { ...options, holdMs },
    run: async (stage) => {
      await stage.startWorkers();
      stage.beginLoad();
      // Warm: what is compared is neither the first run of the code nor of the plans.
      await drainedAfter(stage, [loadNow({ ...options, seed: request.seed + 3 })]);
      const withoutMs = await drainedAfter(stage, [loadNow({ ...options, seed: request.seed })]);
      const others = loadNow({ ...options, seed: request.seed + 1 });
      const ofHeld = loadNow(held);
      const [heldId = ''] = ofHeld.manifest.batches.map(({ batchId }) => batchId);
      const holder = await hold(stage, heldId);
      try {
        const startedAtMs = performance.now();
        await stage.send(ofHeld);
        const withMs = await drainedAfter(stage, [others]);
        gate(stage, withoutMs, withMs);
        await sleep(Math.max(0, startedAtMs + holdMs - performance.now()));
        // Whoever was let through has not been held: then the part shows nothing.
        const isHeld = (await countComplete(holder, [heldId])) === 0;
        stage.findings.check({
          id: 'fault-bit',
          title: 'The held batch waited as long as it was held',
          verdict: isHeld ? true : 'unknown',
          message: 'the held batch went on: the lock did not bite',
        });
      } finally {
        await holder.query('rollback');
      }
      const releasedMs = await untilComplete(holder, [heldId]);
      await holder.end();
      stage.findings.number('held batch complete after its release', releasedMs, { unit: 'ms', better: 'lower' });
      await stage.quiesce();
    },
  };
}

/** How long after the first send every batch of these loads was complete. */
async function drainedAfter(stage: Stage, loads: readonly SendableLoad[]): Promise<number> {
  const client = await connect(stage);
  try {
    const startedAtMs = performance.now();
    for (const load of loads) await stage.send(load);
    const ids = loads.flatMap(({ manifest }) => manifest.batches.map(({ batchId }) => batchId));
    await untilComplete(client, ids);
    return performance.now() - startedAtMs;
  } finally {
    await client.end();
  }
}

function gate(stage: Stage, withoutMs: number, withMs: number): void {
  stage.findings.number('others drained, nobody holding', withoutMs, { unit: 'ms', better: 'lower' });
  stage.findings.number('others drained, one batch held', withMs, { unit: 'ms', better: 'lower' });
  stage.gate({
    name: 'Throughput of all other batches while one is held, over without',
    measured: withoutMs / withMs,
    target: TARGETS.throughputBesideTroubleMin,
    comparison: '>=',
    unit: '',
    source: 'aimed at',
  });
}

/** A session that has announced the batch and holds its row. */
async function hold(stage: Stage, batchId: string): Promise<Client> {
  const holder = await connect(stage);
  await holder.query(`insert into batches (id, state) values ($1, 'announced') on conflict do nothing`, [batchId]);
  await holder.query('begin');
  await holder.query('select 1 from batches where id = $1 for update', [batchId]);
  return holder;
}

async function untilComplete(client: Client, batchIds: readonly string[]): Promise<number> {
  const startedAtMs = performance.now();
  while ((await countComplete(client, batchIds)) < batchIds.length) {
    if (performance.now() - startedAtMs > DRAIN_MS_MAX) throw new Error(`not complete after ${DRAIN_MS_MAX} ms`);
    await sleep(POLL_INTERVAL_MS);
  }
  return performance.now() - startedAtMs;
}

async function countComplete(client: Client, batchIds: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int as count from batches where id = any ($1::text[]) and state = 'complete'`,
    [batchIds],
  );
  return rows[0]?.count ?? 0;
}

async function connect(stage: Stage): Promise<Client> {
  const { databaseUrl } = stage.deps.sandbox.addresses;
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-holder' });
  await client.connect();
  return client;
}
