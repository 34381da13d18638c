/**
 * Goal: Redis may be empty, wrong, slow or gone at any moment; nothing changes but speed. Method: one load twice, first
 * without using Redis at all, then while Redis is emptied, killed, full, evicting, frozen, filled with lies and
 * scrambled; both must end in the same state, compared as sets by a digest.
 */
import type { FaultKind } from '../engine/injector-for.ts';
import { quantileOf } from '../engine/measure/prometheus-text.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { digestOfRun } from '../judge/invariants/digest.ts';
import { REDIS_FAULTS } from '../nemesis/redis-faults.ts';
import { oneOfEach } from '../nemesis/schedule.ts';
import { loadNow, sendAndSettle } from './steps.ts';

const HOLD_MS_MAX = 5_000;

export const redisConsistency: Scenario = {
  name: 'redis_consistency',
  goal: 'Redis may be empty, wrong, slow or gone: the result is that of a run without it.',
  method: 'The same load without Redis and under every fault of Redis, end states compared by digest.',
  defaultInstances: [3],
  parts: (request) => {
    const durationSeconds = request.durationSeconds ?? (request.tier === 'quick' ? 16 : 70);
    // As many inputs as slots: which content gets a slot is then no race, and the end state is one.
    const load = {
      ...DEFAULT_LOAD,
      seed: request.seed,
      batches: Math.max(20, Math.round(durationSeconds * 6)),
      duplicatePercent: 120,
      excessPercent: 0,
      incompletePercent: 10,
      routing: 'adversarial' as const,
    };
    return forEachInstances(request, (workers) => {
      const digests: { without: string | null } = { without: null };
      return [
        {
          name: 'without',
          workers,
          env: { HINTS_ENABLED: 'false' },
          options: load,
          run: async (stage) => {
            stage.afterwards(async ({ directory }) => {
              digests.without = await digestOfRun(directory);
            });
            await sendAndSettle(stage, loadNow(load));
          },
        },
        {
          name: 'faults',
          workers,
          options: { ...load, durationSeconds, faults: REDIS_FAULTS },
          races: { faultsMetWork: 4 },
          run: async (stage) => {
            compareWith(digests, stage);
            await stage.startWorkers();
            const endMs = durationSeconds * 1_000;
            const faults = oneOfEach<FaultKind>({
              seed: request.seed,
              kinds: REDIS_FAULTS,
              fromMs: 1_000,
              untilMs: endMs,
              holdMs: HOLD_MS_MAX,
              targets: 1,
            });
            await stage.sendUnderFaults(loadNow({ ...load, durationSeconds }), faults);
            await stage.quiesce();
            noteRedis(stage);
          },
        },
      ];
    });
  },
};

function compareWith(digests: { without: string | null }, stage: Stage): void {
  stage.afterwards(async ({ directory }) => {
    const digest = await digestOfRun(directory);
    stage.findings.check({
      id: 'I12-digest',
      title: 'The end state is that of a run without Redis',
      verdict: digests.without === null ? 'unknown' : digest === digests.without,
      judged: digests.without === null ? 0 : 1,
      message: `digest ${digest}, without Redis ${digests.without ?? 'not known'}`,
    });
  });
}

function noteRedis(stage: Stage): void {
  const { readings } = stage.deps.sampler;
  const p95 = quantileOf(readings.histogram('els_redis_command_duration_seconds'), 0.95);
  stage.findings.number('redisOperationP95Ms', p95 === null ? null : p95 * 1_000, { unit: 'ms', better: 'lower' });
  stage.findings.number('redisErrors', readings.sum('els_redis_errors_total'), { unit: 'operations' });
}
