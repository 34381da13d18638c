/**
 * Goal: more instances do more work. Method: every instance may use the same small share of a core (a control group),
 * so that the machine is not the limit. Warmed up without the limit, which also tells the ceiling of the machine, each
 * number of instances is searched for the highest rate at which the consumer group keeps up. The ratio of capacities is
 * held to its target; where the search found no end, or the host or the sender was the limit, by what is certain all the same, else
 * it is not measurable. Beside it: how fast a backlog drains when the inputs of every batch are spread over all
 * instances. Slowed down like this, they mostly wait for each other's row locks then.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { median } from '../engine/measure/trend.ts';
import type { PartPlan, PartRequest, Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { type Capacity, type CapacitySearch, searchCapacity } from './capacity/capacity-search.ts';
import { CapacityTrials } from './capacity/capacity-trials.ts';

/** Divisible by 1, 3 and 5: no instance has more to do than another. */
const PARTITIONS = 15;
/** Five of them, their servers and the sender fit on two cores. */
const CPU_CORES = 0.1;
/** Per instance; after fewer, a worker still compiles. */
const WARM_UP_INPUTS = { quick: 6_000, full: 30_000 };
const BACKLOG_INPUTS = { quick: 1_500, full: 2_500 };
const CONTENDED_INPUTS = { quick: 750, full: 2_500 };
/** A short search takes larger steps, to find the end at all. */
const QUICK = { seconds: 6, repeats: 1, trialsMax: 3, growth: 1.3, tolerance: 0.18 };
const FULL = { seconds: 20, repeats: 3, trialsMax: 9, growth: 1.18, tolerance: 0.06 };
/** Between what held and what failed, as a share of what held; a wider gap is no answer. */
const GAP_MAX = 0.2;
/** What users are promised. */
const PROMISED: readonly RatioGate[] = [
  { instances: 3, target: TARGETS.capacityOfThreeMin.promised, source: 'promised' },
  { instances: 5, target: TARGETS.capacityOfFiveMin.promised, source: 'promised' },
];
/** What this service wants, too near to what it does for one short search. */
const AIMED: readonly RatioGate[] = [
  { instances: 3, target: TARGETS.capacityOfThreeMin.aimed, source: 'aimed at' },
  { instances: 5, target: TARGETS.capacityOfFiveMin.aimed, source: 'aimed at' },
];

interface RatioGate {
  readonly instances: number;
  /** To one instance. */
  readonly target: number;
  readonly source: string;
}

export interface MeasuredCapacity {
  /** Sustained. */
  readonly rate: number;
  /** Lowest rate that was too much for the consumer group itself; null if none is known. */
  readonly failedAt: number | null;
  /** Why `rate` is not the capacity, which is higher then. */
  readonly problem: string | null;
  /** Why not even that can be compared: the consumer group ran without its limit. */
  readonly unlimited: string | null;
}

export const scaling: Scenario = {
  name: 'scaling',
  goal: 'Capacity grows with the number of instances: 3 and 5 against 1.',
  method: 'CPU-limited instances; highest rate without rising lag, found by search; median of repeats, ratios.',
  defaultInstances: [1, 3, 5],
  parts: (request) => {
    const measured = new Map<number, MeasuredCapacity>();
    return request.instances.map((workers) => capacityPart(request, workers, measured));
  },
};

function capacityPart(request: PartRequest, workers: number, measured: Map<number, MeasuredCapacity>): PartPlan {
  const isQuick = request.tier === 'quick';
  const { seconds, repeats, ...steps } = isQuick ? QUICK : FULL;
  const search = { seconds: request.durationSeconds ?? seconds, ...steps };
  return {
    name: `capacity-${workers}`,
    workers,
    partitions: PARTITIONS,
    cpuCores: CPU_CORES,
    options: { ...search, repeats, cpuCores: CPU_CORES },
    run: async (stage) => {
      await stage.startWorkers();
      const trials = new CapacityTrials(stage, request.seed + workers);
      const ceiling = await trials.drain(WARM_UP_INPUTS[request.tier] * workers);
      await stage.limitWorkers();
      const drained = await trials.drain(BACKLOG_INPUTS[request.tier] * workers);
      stage.beginLoad();
      const capacities: Capacity[] = [];
      for (let repeat = 0; repeat < repeats; repeat++) capacities.push(await find(trials, drained, search));
      const contended = await trials.drain(CONTENDED_INPUTS[request.tier] * workers, 'adversarial');
      await stage.quiesce();
      const rates = capacities.map(({ rate }) => rate);
      const rate = median(rates) ?? 0;
      const unlimited = noLimit(stage);
      const problem = trials.problem ?? openEnd(capacities);
      const failures = capacities.flatMap(({ failedAt }) => failedAt ?? []);
      const failedAt = trials.problem === null && failures.length > 0 ? Math.max(...failures) : null;
      measured.set(workers, { rate, failedAt, problem, unlimited });
      const speed = { unit: 'inputs/s', better: 'higher' } as const;
      stage.findings.number('capacity', rate, { ...speed, samples: rates });
      stage.findings.number('drainRate', drained, speed);
      stage.findings.number('drainRateAdversarial', contended, speed);
      stage.findings.number('drainRateWithoutLimit', ceiling, speed);
      stage.findings.number('hostBusy', trials.hostBusyMax * 100, { unit: '%' });
      for (const note of [unlimited, problem]) if (note !== null) stage.findings.note(note);
      gateRatios(stage, workers, measured, isQuick ? PROMISED : [...PROMISED, ...AIMED]);
    },
  };
}

/** A consumer group sustains some three quarters of the speed at which it drains: there the search begins. */
function find(
  trials: CapacityTrials,
  drained: number,
  { seconds, ...steps }: { seconds: number } & Omit<CapacitySearch, 'firstRate'>,
): Promise<Capacity> {
  return searchCapacity({ firstRate: drained * 0.75, ...steps }, (rate) => trials.holds(rate, seconds));
}

function noLimit(stage: Stage): string | null {
  const { limits } = stage.deps;
  return limits === null ? 'no CPU limit' : limits.unavailable;
}

/** A search that ran out of trials has found a range, not a capacity. */
function openEnd(capacities: readonly Capacity[]): string | null {
  const isOpen = ({ rate, failedAt }: Capacity) => rate === 0 || failedAt === null || failedAt - rate > GAP_MAX * rate;
  const open = capacities.find(isOpen);
  if (open === undefined) return null;
  const end = open.failedAt === null ? 'unknown' : Math.round(open.failedAt);
  return `the search ended between ${Math.round(open.rate)} and ${end} inputs/s`;
}

function gateRatios(
  stage: Stage,
  workers: number,
  measured: ReadonlyMap<number, MeasuredCapacity>,
  gates: readonly RatioGate[],
): void {
  const [one, many] = [measured.get(1), measured.get(workers)];
  if (workers === 1 || one === undefined || many === undefined) return;
  for (const { instances, target, source } of gates) {
    if (instances !== workers) continue;
    const name = `Capacity of ${workers} instances to that of 1 (${source})`;
    stage.gate({ name, ...compareCapacities(one, many, target), target, comparison: '>=', unit: 'x', source });
  }
}

/**
 * The ratio, if both are known. Else the least that it can be, what many sustained to what was too much for one, if
 * that is enough already.
 */
export function compareCapacities(
  one: MeasuredCapacity,
  many: MeasuredCapacity,
  target: number,
): { readonly measured: number | null; readonly note?: string } {
  const unlimited = one.unlimited ?? many.unlimited;
  if (unlimited !== null) return { measured: null, note: unlimited };
  const problem = one.problem ?? many.problem;
  if (problem === null) return { measured: many.rate / one.rate };
  const least = one.failedAt === null ? 0 : many.rate / one.failedAt;
  if (least >= target) return { measured: least, note: `at least: ${problem}` };
  return { measured: null, note: `not measurable: ${problem}` };
}
