/**
 * Goal: the targets that users are promised hold. Method: a warm-up that does not count, then a load at a steady rate
 * where every input has a due time; latencies count from then, whatever the harness or the service did meanwhile.
 * Durations of Redis and database operations are the workers' own histograms, of the load alone. The targets of scaling
 * and memory are measured by the parts of those scenarios, unless the run has them anyway.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { percentileOf } from '../engine/measure/latencies.ts';
import { type HistogramTotals, histogramSince, quantileOf } from '../engine/measure/prometheus-text.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { memory } from './memory.ts';
import { scaling } from './scaling.ts';
import { loadNow } from './steps.ts';

const SOURCE = 'promised';
const HISTOGRAMS = {
  redis: 'els_redis_command_duration_seconds',
  statement: 'els_database_statement_duration_seconds',
  claim: 'els_claim_duration_seconds',
} as const;

export const performance: Scenario = {
  name: 'performance',
  goal: 'Every promised target: Redis, database, coordination, success, scaling, memory.',
  method: "A steady rate after a warm-up; latencies from due time to Kafka, operations from the workers' histograms.",
  defaultInstances: [3],
  parts: (request) => [
    ...forEachInstances(request, (workers) => [steadyPart(request, workers)]),
    ...[scaling, memory].flatMap((other) => {
      if (request.alongside.includes(other.name)) return [];
      return other.parts({ ...request, instances: other.defaultInstances, durationSeconds: null });
    }),
  ],
};

function steadyPart(request: PartRequest, workers: number): PartPlan {
  const durationSeconds = request.durationSeconds ?? (request.tier === 'quick' ? 12 : 60);
  const ratePerSecond = request.tier === 'quick' ? 250 : 500;
  const load = { ...DEFAULT_LOAD, seed: request.seed, slots: 15, ratePerSecond, durationSeconds };
  const warmUp = { ...DEFAULT_LOAD, seed: request.seed + 500, slots: 15, batches: 60 };
  return {
    name: 'steady',
    workers,
    options: load,
    run: async (stage) => {
      await stage.startWorkers();
      await stage.send(loadNow(warmUp));
      await stage.untilDrained(30_000);
      const before = await readHistograms(stage);
      stage.beginLoad();
      const sent = await stage.send(loadNow(load));
      const { lag } = await stage.quiesce();
      const after = await readHistograms(stage);
      gateOperations(stage, before, after);
      gateOutcome(stage, { inputs: sent.published, lag });
      gateLatencies(stage);
      stage.findings.number('inputsPerSecond', sent.ratePerSecond, { unit: 'inputs/s' });
    },
  };
}

type Histograms = Record<keyof typeof HISTOGRAMS, HistogramTotals>;

async function readHistograms(stage: Stage): Promise<Histograms> {
  await stage.readWorkers();
  const { readings } = stage.deps.sampler;
  return {
    redis: readings.histogram(HISTOGRAMS.redis),
    statement: readings.histogram(HISTOGRAMS.statement),
    claim: readings.histogram(HISTOGRAMS.claim),
  };
}

function gateOperations(stage: Stage, before: Histograms, after: Histograms): void {
  const redis = histogramSince(after.redis, before.redis);
  const p95 = quantileOf(redis, 0.95);
  const common = { comparison: '<' as const, unit: 'ms', source: SOURCE };
  stage.gate({
    name: 'Redis operations, P95',
    measured: p95 === null ? null : p95 * 1_000,
    target: TARGETS.redisOperationP95SecondsMax * 1_000,
    ...common,
    note: `${redis.count} operations`,
  });
  for (const [name, totals] of [
    ['Database statements, average', histogramSince(after.statement, before.statement)],
    ['Assignment transactions, average', histogramSince(after.claim, before.claim)],
  ] as const) {
    const averageMs = totals.count === 0 ? null : (totals.sum / totals.count) * 1_000;
    const target = TARGETS.databaseOperationAverageSecondsMax * 1_000;
    stage.gate({ name, measured: averageMs, target, ...common, note: `${totals.count} operations` });
  }
}

function gateOutcome(stage: Stage, { inputs, lag }: { inputs: number; lag: number }): void {
  const share = inputs === 0 ? null : ((inputs - Math.min(inputs, lag)) / inputs) * 100;
  const source = `aimed at; ${SOURCE} is ${TARGETS.successShareMin * 100} %`;
  const name = 'Inputs with an outcome when everything is at rest';
  stage.gate({ name, measured: share, target: 100, comparison: '=', unit: '%', source });
}

function gateLatencies(stage: Stage): void {
  stage.afterwards(({ latencies }) => {
    const common = { comparison: '<' as const, unit: 'ms', source: SOURCE };
    const target = TARGETS.coordinationSecondsMax * 1_000;
    for (const [name, recorder, what] of [
      ['Coordination: last input due to completion in Kafka, P99', latencies.completion, 'batches'],
      ['Coordination: content due to its slot-assigned event in Kafka, P99', latencies.assignment, 'contents'],
    ] as const) {
      const note = `${recorder.total().totalCount} ${what}`;
      stage.gate({ name, measured: percentileOf(recorder, 99), target, ...common, note });
    }
    for (const percentile of [50, 95, 99]) {
      const measured = percentileOf(latencies.assignment, percentile);
      stage.findings.number(`slotAssignedP${percentile}Ms`, measured, { unit: 'ms', better: 'lower' });
      const completed = percentileOf(latencies.completion, percentile);
      stage.findings.number(`completionP${percentile}Ms`, completed, { unit: 'ms', better: 'lower' });
    }
  });
}
