/**
 * Goal: a content takes at most one slot and a slot is taken at most once, however many instances handle the same thing at
 * the same moment. Method: the classic collisions (20 identical events, 20 events of one content, 20 redeliveries, 6
 * contents over all instances, 30 contents for 15 slots) and hot batches with many records in flight, each repeated as a
 * batch of its own until the race was seen often enough; keys spread every batch over all instances.
 */
import type { PartPlan } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { planLoad } from '../generator/plan.ts';
import { type Pattern, patternLoad } from './patterns.ts';
import { forEachInstances, type Scenario } from './scenario.ts';

const COPIES: readonly Pattern[] = [
  { slots: 3, contents: 1, copies: 20, copyKind: 'identical' },
  { slots: 3, contents: 1, copies: 20, copyKind: 'resent' },
  { slots: 3, contents: 1, copies: 20, copyKind: 'redelivered' },
];
const CROWDS: readonly Pattern[] = [
  { slots: 6, contents: 6, copies: 1, copyKind: 'resent' },
  { slots: 15, contents: 30, copies: 1, copyKind: 'resent' },
];

export const raceConditions: Scenario = {
  name: 'race_conditions',
  goal: 'A content takes at most one slot, a slot is taken at most once, whoever races for it.',
  method: 'Collisions repeated on all instances at once: identical events, one content, few slots, hot batches.',
  defaultInstances: [3],
  parts: (request) => {
    const rounds = request.tier === 'quick' ? 60 : 300;
    return forEachInstances(request, (workers) => [
      patternPart('identical', COPIES, { workers, rounds, seed: request.seed }),
      patternPart('crowds', CROWDS, { workers, rounds, seed: request.seed + 1 }),
      hotPart({ workers, batches: request.tier === 'quick' ? 120 : 800, seed: request.seed + 2 }),
    ]);
  },
};

function patternPart(
  name: string,
  patterns: readonly Pattern[],
  { workers, rounds, seed }: { workers: number; rounds: number; seed: number },
): PartPlan {
  const options = { patterns, rounds, batchesInFlight: 6 };
  return {
    name,
    workers,
    options,
    races:
      name === 'identical'
        ? { sharedBatches: 0, repeatedContents: rounds * 19 * 3 }
        : { overlappingClaims: 20, sharedBatches: 20 },
    run: (stage) => race(stage, patternLoad({ ...options, seed, startAtMs: Date.now() })),
  };
}

function hotPart({ workers, batches, seed }: { workers: number; batches: number; seed: number }): PartPlan {
  const load = {
    ...DEFAULT_LOAD,
    seed,
    batches,
    slots: 15,
    duplicatePercent: 100,
    excessPercent: 30,
    failurePercent: 5,
    earlyPercent: 0,
    batchesInFlight: 4,
    routing: 'adversarial' as const,
  };
  return {
    name: 'hot',
    workers,
    options: load,
    races: { overlappingClaims: 20, sharedBatches: 20, repeatedContents: 200 },
    run: (stage) => race(stage, planLoad({ ...load, startAtMs: Date.now() })),
  };
}

async function race(stage: Stage, load: Parameters<Stage['send']>[0]): Promise<void> {
  await stage.startWorkers();
  stage.beginLoad();
  await stage.send(load);
  await stage.quiesce();
}
