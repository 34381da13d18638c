/**
 * Goal: a content takes at most one slot and a slot is taken at most once, however many instances handle the same thing
 * at the same moment. Method: the classic collisions (20 identical events, 20 events of one content, 20 redeliveries, 6
 * contents over all instances, 30 contents for 15 slots) and hot batches with many records in flight, each repeated as
 * a batch of its own until the race was seen often enough; keys spread every batch over all instances.
 */
import { forEachInstances, type PartPlan, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { type Pattern, patternLoad } from './patterns.ts';
import { loadNow, sendUntilRaced } from './steps.ts';

const COPIES: readonly Pattern[] = [
  { slots: 3, contents: 1, copies: 20, copyKind: 'identical' },
  { slots: 3, contents: 1, copies: 20, copyKind: 'resent' },
  { slots: 3, contents: 1, copies: 20, copyKind: 'redelivered' },
];
const CROWDS: readonly Pattern[] = [
  { slots: 6, contents: 6, copies: 1, copyKind: 'resent' },
  { slots: 15, contents: 30, copies: 1, copyKind: 'resent' },
];
/** Transactions of few records each, several at a time: more of them meet. */
const MANY_SMALL_GROUPS = { GROUP_SIZE_MAX: '20', GROUPS_IN_FLIGHT_MAX: '4', DATABASE_POOL_MAX: '6' };

export const raceConditions: Scenario = {
  name: 'race_conditions',
  goal: 'A content takes at most one slot, a slot is taken at most once, whoever races for it.',
  method: 'Collisions repeated on all instances at once: identical events, one content, few slots, hot batches.',
  defaultInstances: [3],
  parts: (request) => {
    const isQuick = request.tier === 'quick';
    const shape = { repeats: isQuick ? 60 : 300, sendsMax: isQuick ? 4 : 10 };
    return forEachInstances(request, (workers) => [
      patternPart('identical', COPIES, { busyBatches: 20 }, { ...shape, workers, seed: request.seed }),
      patternPart(
        'crowds',
        CROWDS,
        { busyBatches: 20, sharedBatches: 20 },
        { ...shape, workers, seed: request.seed + 1 },
      ),
      hotPart({ ...shape, workers, seed: request.seed + 2 }),
    ]);
  },
};

interface PartShape {
  readonly workers: number;
  readonly repeats: number;
  readonly sendsMax: number;
  readonly seed: number;
}

function patternPart(
  name: string,
  patterns: readonly Pattern[],
  races: NonNullable<PartPlan['races']>,
  { workers, repeats, sendsMax, seed }: PartShape,
): PartPlan {
  const options = { patterns, repeats, batchesInFlight: 6 };
  const loadOf = (send: number) => patternLoad({ ...options, seed: seed + 10 * send, startAtMs: Date.now() });
  return {
    name,
    workers,
    env: MANY_SMALL_GROUPS,
    options: { ...options, sendsMax },
    races,
    run: (stage) => sendUntilRaced(stage, { loadOf, sendsMax, races }),
  };
}

function hotPart({ workers, repeats, sendsMax, seed }: PartShape): PartPlan {
  const load = {
    ...DEFAULT_LOAD,
    batches: repeats,
    slots: 30,
    duplicatePercent: 100,
    excessPercent: 30,
    failurePercent: 5,
    earlyPercent: 0,
    batchesInFlight: 3,
    routing: 'adversarial' as const,
  };
  const races = { busyBatches: 20, sharedBatches: 20, repeatedContents: 200 };
  return {
    name: 'hot',
    workers,
    env: MANY_SMALL_GROUPS,
    options: { ...load, sendsMax },
    races,
    run: (stage) =>
      sendUntilRaced(stage, { loadOf: (send) => loadNow({ ...load, seed: seed + 10 * send }), sendsMax, races }),
  };
}
