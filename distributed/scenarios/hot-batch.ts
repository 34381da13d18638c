/**
 * Goal: a batch that gets nearly everything there is costs the others nothing but their share of the work: they complete
 * as they did before. Method: small batches at a steady rate, alone and then beside one batch with several times their
 * inputs, every one of which meets all workers (keyed by upload).
 */
import { Client } from 'pg';
import { TARGETS } from '../../artefacts/targets.ts';
import type { PartLatencies } from '../engine/measure/latencies.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { percentileMs, totalOf } from '../run/latency-log.ts';
import { needsOfBatches } from './large-batches.ts';
import { loadNow } from './steps.ts';

/** A rate that two slow cores carry: what is asked is whether the small ones wait for the hot one, not how much fits. */
const SIZES = {
  quick: { slots: 10_000, hotPerSecond: 300, smallPerSecond: 45 },
  full: { slots: 100_000, hotPerSecond: 600, smallPerSecond: 90 },
} as const;
const CALM_SECONDS = 15;
const DRAIN_MS_MAX = 120_000;

export const hotBatch: Scenario = {
  name: 'hot_batch',
  goal: 'One batch that gets nearly everything, on all workers, delays no other batch.',
  method:
    'Small batches at a steady rate, alone and beside one of 10 000 slots (full: 100 000) with seven times as much.',
  defaultInstances: [3],
  isLong: true,
  parts: (request) => forEachInstances(request, (workers) => [part(request, workers)]),
};

function part(request: PartRequest, workers: number): PartPlan {
  const { slots, hotPerSecond, smallPerSecond } = SIZES[request.tier];
  const hotSeconds = slots / hotPerSecond;
  // Many of them, so that the slowest of a hundred is not the slowest of all.
  const small = { ...DEFAULT_LOAD, seed: request.seed, slots: 5, ratePerSecond: smallPerSecond };
  const hot = {
    ...DEFAULT_LOAD,
    seed: request.seed + 2,
    batches: 1,
    slots,
    batchesInFlight: 1,
    duplicatePercent: 0,
    failurePercent: 1,
    excessPercent: 1,
    earlyPercent: 0,
    ratePerSecond: hotPerSecond,
  };
  return {
    name: 'beside-small',
    workers,
    ...needsOfBatches(slots),
    options: { small, hot },
    races: { busyBatches: 20, sharedBatches: 1 },
    run: async (stage) => {
      await stage.startWorkers();
      stage.beginLoad();
      await stage.send(loadNow({ ...small, durationSeconds: CALM_SECONDS }));
      await stage.untilDrained(DRAIN_MS_MAX);
      const besideFromMs = Date.now();
      const hotLoad = loadNow(hot);
      await Promise.all([
        stage.send(hotLoad),
        stage.send(loadNow({ ...small, seed: request.seed + 1, durationSeconds: hotSeconds })),
      ]);
      await stage.quiesce();
      const [hotId = ''] = hotLoad.manifest.batches.map(({ batchId }) => batchId);
      await judgeMet(stage, hotId);
      await stage.readWorkers();
      gateDeadlocks(stage);
      stage.afterwards(({ latencies }) => gateCompletions(stage, latencies, besideFromMs));
    },
  };
}

/** One batch in a single worker's hands would have nobody to fight with. */
async function judgeMet(stage: Stage, batchId: string): Promise<void> {
  const client = new Client({ connectionString: stage.deps.sandbox.addresses.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ workers: number }>(
      'select count(distinct assigned_by)::int as workers from slots where batch_id = $1',
      [batchId],
    );
    const met = rows[0]?.workers ?? 0;
    const wanted = stage.deps.cluster.workers.length;
    stage.findings.check({
      id: 'fault-bit',
      title: 'All workers placed contents of the hot batch',
      verdict: met === wanted ? true : 'unknown',
      judged: met,
      message: `${met} of ${wanted} workers did`,
    });
  } finally {
    await client.end();
  }
}

function gateDeadlocks(stage: Stage): void {
  stage.gate({
    name: 'Deadlocks',
    measured: stage.deps.sampler.readings.sum('els_database_errors_total', 'sqlstate="40P01"'),
    target: TARGETS.deadlocksMax,
    comparison: '=',
    unit: 'deadlocks',
    source: 'aimed at',
  });
}

/** From the last input of a batch to its completion in Kafka; beside the hot batch its own is one of them. */
function gateCompletions(stage: Stage, { completion }: PartLatencies, besideFromMs: number): void {
  const intervals = completion.toIntervals();
  const alone = totalOf(intervals.filter(({ endWallMs }) => endWallMs <= besideFromMs));
  const beside = totalOf(intervals.filter(({ startWallMs }) => startWallMs >= besideFromMs));
  const ms = { unit: 'ms', better: 'lower' } as const;
  stage.findings.number('completion P50 of small batches alone', percentileMs(alone, 50), ms);
  stage.findings.number('completion P50 beside the hot batch', percentileMs(beside, 50), ms);
  stage.findings.number('completion P99 of small batches alone', percentileMs(alone, 99), ms);
  stage.gate({
    name: 'Completion of a batch beside the hot one, P99',
    measured: beside.totalCount === 0 ? null : percentileMs(beside, 99),
    target: TARGETS.coordinationSecondsMax * 1_000,
    comparison: '<',
    unit: 'ms',
    source: 'promised',
    note: `${beside.totalCount} batches`,
  });
}
