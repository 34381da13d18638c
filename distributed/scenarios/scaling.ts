/**
 * Goal: more instances do more work. Method: every instance may use the same small share of a core (a control group), so
 * that the machine is not the limit. Warmed up without the limit, which also tells the ceiling of the machine, each number
 * of instances is searched for the highest rate at which the group keeps up. The ratio of capacities is judged; a host or
 * a sender that was the limit itself makes it not measurable. Beside it: how fast a backlog drains when the inputs of every
 * batch are spread over all instances. Slowed down like this, they mostly wait for each other's row locks then.
 */
import { type Capacity, searchCapacity } from '../engine/capacity-search.ts';
import { CapacityTrials } from '../engine/capacity-trials.ts';
import type { PartPlan } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { median } from '../engine/trend.ts';
import { TARGETS } from '../targets.ts';
import type { PartRequest, Scenario } from './scenario.ts';

/** Divisible by 1, 3 and 5: no instance has more to do than another. */
const PARTITIONS = 15;
/** Five of them, their servers and the sender fit on two cores. */
const CPU_CORES = 0.1;
/** Per instance; after fewer, a worker still compiles. */
const WARM_UP_INPUTS = { quick: 6_000, full: 30_000 };
const BACKLOG_INPUTS = 2_500;
/** Between what held and what failed, as a share of what held; a wider gap is no answer. */
const GAP_MAX = 0.2;

interface RatioGate {
  readonly instances: number;
  /** To one instance. */
  readonly target: number;
  readonly source: string;
}

/** What the guide promises. */
const PROMISED: readonly RatioGate[] = [
  { instances: 3, target: TARGETS.capacityOfThreeMin.promised, source: 'seed 002' },
  { instances: 5, target: TARGETS.capacityOfFiveMin.promised, source: 'seed 002' },
];
/** What this service wants, too near to what it does for one short search. */
const AIMED: readonly RatioGate[] = [
  { instances: 3, target: TARGETS.capacityOfThreeMin.aimed, source: 'design' },
  { instances: 5, target: TARGETS.capacityOfFiveMin.aimed, source: 'design' },
];

interface Measured {
  readonly rate: number;
  readonly problem: string | null;
}

export const scaling: Scenario = {
  name: 'scaling',
  goal: 'Capacity grows with the number of instances: 3 and 5 against 1.',
  method: 'CPU-limited instances; highest rate without rising lag, found by search; median of repeats, ratios.',
  defaultInstances: [1, 3, 5],
  parts: (request) => {
    const measured = new Map<number, Measured>();
    return request.instances.map((workers) => capacityPart(request, workers, measured));
  },
};

function capacityPart(request: PartRequest, workers: number, measured: Map<number, Measured>): PartPlan {
  const isQuick = request.tier === 'quick';
  const search = { seconds: request.durationSeconds ?? (isQuick ? 7 : 20), trialsMax: isQuick ? 4 : 9 };
  const repeats = isQuick ? 1 : 3;
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
      const drained = await trials.drain(BACKLOG_INPUTS * workers);
      stage.beginLoad();
      const capacities: Capacity[] = [];
      for (let repeat = 0; repeat < repeats; repeat++) capacities.push(await find(trials, drained, search));
      const contended = await trials.drain(BACKLOG_INPUTS * workers, 'adversarial');
      await stage.quiesce();
      const rates = capacities.map(({ rate }) => rate);
      const rate = median(rates) ?? 0;
      const problem = noLimit(stage) ?? trials.problem ?? openEnd(capacities);
      measured.set(workers, { rate, problem });
      const speed = { unit: 'inputs/s', better: 'higher' } as const;
      stage.findings.number('capacity', rate, { ...speed, samples: rates });
      stage.findings.number('drainRate', drained, speed);
      stage.findings.number('drainRateAdversarial', contended, speed);
      stage.findings.number('drainRateWithoutLimit', ceiling, speed);
      stage.findings.number('hostBusy', trials.hostBusyMax * 100, { unit: '%' });
      if (problem !== null) stage.findings.note(problem);
      gateRatios(stage, workers, measured, isQuick ? PROMISED : [...PROMISED, ...AIMED]);
    },
  };
}

/** A group sustains some three quarters of the speed at which it drains: there the search begins. */
function find(
  trials: CapacityTrials,
  drained: number,
  search: { seconds: number; trialsMax: number },
): Promise<Capacity> {
  const { seconds, trialsMax } = search;
  const range = { firstRate: drained * 0.75, growth: 1.18, tolerance: trialsMax > 4 ? 0.06 : 0.18, trialsMax };
  return searchCapacity(range, (rate) => trials.holds(rate, seconds));
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
  return `not measurable: the search ended between ${Math.round(open.rate)} and ${end} inputs/s`;
}

function gateRatios(
  stage: Stage,
  workers: number,
  measured: ReadonlyMap<number, Measured>,
  gates: readonly RatioGate[],
): void {
  const [one, many] = [measured.get(1), measured.get(workers)];
  if (workers === 1 || one === undefined || many === undefined) return;
  const problem = one.problem ?? many.problem;
  for (const { instances, target, source } of gates) {
    if (instances !== workers) continue;
    stage.gate({
      name: `Capacity of ${workers} instances to that of 1 (${source})`,
      measured: problem === null ? many.rate / one.rate : null,
      target,
      comparison: '>=',
      unit: 'x',
      source,
      ...(problem === null ? {} : { note: problem }),
    });
  }
}
