/**
 * Goal: more instances do more work. Method: every instance may use the same small share of a core (a control group), so
 * that the machine is not the limit; for each number of instances the highest rate is searched at which the group keeps up:
 * lag does not rise over the trial and what waits at its end is less than a second's worth. Trials start from the speed at
 * which a backlog drains. The ratio of capacities is judged; a busy host makes it not measurable.
 */
import { type Capacity, searchCapacity } from '../engine/capacity-search.ts';
import type { PartPlan } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { median, type Point, slopePerSecond } from '../engine/trend.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { PartRequest, Scenario } from './scenario.ts';
import { loadNow } from './steps.ts';

/** Divisible by 1, 3 and 5: no instance has more to do than another. */
const PARTITIONS = 15;
const CPU_CORES = 0.1;
const HOST_BUSY_MAX = 0.92;
const LATENCY_LIMIT_SECONDS = 1;
/** Of the rate: lag that rises more slowly does not matter. */
const LAG_SLOPE_MAX = 0.05;
/** Offsets are committed every fifth of a second: lag is a saw of that height, whose slope a short trial cannot ignore. */
const SAW_SECONDS = 0.2;
/** Between what held and what failed, as a share of what held; a wider gap is no answer. */
const GAP_MAX = 0.2;
const SAMPLE_INTERVAL_MS = 250;
const DRAIN_MS_MAX = 60_000;

/** Ratios to one instance; the guide's own and what this service wants. */
const TARGETS = [
  { instances: 3, target: 1.5, source: 'seed 002' },
  { instances: 5, target: 2, source: 'seed 002' },
  { instances: 3, target: 2.8, source: 'design' },
  { instances: 5, target: 4.5, source: 'design' },
] as const;

interface Measured {
  readonly rate: number;
  readonly samples: readonly number[];
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
  const trial = { seconds: request.durationSeconds ?? (isQuick ? 5 : 20), trialsMax: isQuick ? 6 : 9 };
  const repeats = isQuick ? 1 : 3;
  return {
    name: `capacity-${workers}`,
    workers,
    partitions: PARTITIONS,
    cpuCores: CPU_CORES,
    options: { ...trial, repeats, cpuCores: CPU_CORES, latencyLimitSeconds: LATENCY_LIMIT_SECONDS },
    run: async (stage) => {
      await stage.startWorkers();
      const search = new CapacityMeasurement(stage, request.seed + workers);
      const drained = await search.drain(isQuick ? 1_500 * workers : 4_000 * workers);
      stage.beginLoad();
      const capacities: Capacity[] = [];
      for (let repeat = 0; repeat < repeats; repeat++) capacities.push(await search.find(drained, trial));
      await stage.quiesce();
      const rates = capacities.map(({ rate }) => rate);
      const busy = median(stage.deps.sampler.hostBusy.slice(-trial.seconds * trial.trialsMax)) ?? 0;
      const problem = problemOf(stage, busy) ?? openEnd(capacities);
      const rate = median(rates) ?? 0;
      measured.set(workers, { rate, samples: rates, problem });
      stage.findings.number('capacity', rate, { unit: 'inputs/s', better: 'higher', samples: rates });
      stage.findings.number('drainRate', drained, { unit: 'inputs/s', better: 'higher' });
      stage.findings.number('hostBusy', busy * 100, { unit: '%' });
      if (problem !== null) stage.findings.note(problem);
      gateRatios(stage, workers, measured);
    },
  };
}

function problemOf(stage: Stage, busy: number): string | null {
  const { limits } = stage.deps;
  if (limits === null || limits.unavailable !== null) return limits?.unavailable ?? 'no CPU limit';
  if (busy <= HOST_BUSY_MAX) return null;
  return `not measurable: the host was ${Math.round(busy * 100)} % busy`;
}

/** A search that ran out of trials has found a range, not a capacity. */
function openEnd(capacities: readonly Capacity[]): string | null {
  const isOpen = ({ rate, failedAt }: Capacity) => rate === 0 || failedAt === null || failedAt - rate > GAP_MAX * rate;
  const open = capacities.find(isOpen);
  if (open === undefined) return null;
  return `not measurable: the search ended between ${Math.round(open.rate)} and ${open.failedAt === null ? 'unknown' : Math.round(open.failedAt)} inputs/s`;
}

function gateRatios(stage: Stage, workers: number, measured: ReadonlyMap<number, Measured>): void {
  const [one, many] = [measured.get(1), measured.get(workers)];
  if (workers === 1 || one === undefined || many === undefined) return;
  const problem = one.problem ?? many.problem;
  for (const { instances, target, source } of TARGETS) {
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

class CapacityMeasurement {
  private readonly stage: Stage;
  private seed: number;

  constructor(stage: Stage, seed: number) {
    this.stage = stage;
    this.seed = seed * 100;
  }

  /** Sends a backlog at once; the speed at which it drains, in inputs per second. Warms the workers up, too. */
  async drain(inputs: number): Promise<number> {
    const load = this.load({ batches: Math.max(1, Math.round(inputs / INPUTS_PER_BATCH)) });
    const startedAtMs = performance.now();
    const { published } = await this.stage.send(load);
    await this.stage.untilDrained(DRAIN_MS_MAX);
    return published / ((performance.now() - startedAtMs) / 1_000);
  }

  find(drained: number, trial: { seconds: number; trialsMax: number }): Promise<Capacity> {
    const search = { firstRate: drained * 0.6, growth: 1.35, tolerance: 0.08, trialsMax: trial.trialsMax };
    return searchCapacity(search, (rate) => this.holds(rate, trial.seconds));
  }

  private async holds(ratePerSecond: number, seconds: number): Promise<boolean> {
    const points: Point[] = [];
    let running = true;
    const watching = this.watch(points, () => running);
    await this.stage.send(this.load({ ratePerSecond, durationSeconds: seconds }));
    running = false;
    const lagAtEnd = await watching;
    await this.stage.untilDrained(DRAIN_MS_MAX);
    // The first half fills what is always under way.
    const half = points.filter(({ x }) => x >= seconds / 2);
    const isFlat = slopePerSecond(half) <= (LAG_SLOPE_MAX + SAW_SECONDS / (seconds / 2)) * ratePerSecond;
    const isSoon = lagAtEnd <= ratePerSecond * LATENCY_LIMIT_SECONDS;
    this.stage.deps.onNote(
      `${Math.round(ratePerSecond)} inputs/s: ${isFlat && isSoon ? 'sustained' : 'not sustained'}, lag at the end ${lagAtEnd}`,
    );
    return isFlat && isSoon;
  }

  private async watch(points: Point[], isRunning: () => boolean): Promise<number> {
    const startedAtMs = performance.now();
    let lag = 0;
    while (isRunning()) {
      lag = await this.stage.readLag();
      points.push({ x: (performance.now() - startedAtMs) / 1_000, y: lag });
      await this.stage.pause(SAMPLE_INTERVAL_MS);
    }
    return lag;
  }

  private load(options: Partial<typeof DEFAULT_LOAD>) {
    this.seed++;
    return loadNow({ ...DEFAULT_LOAD, slots: 15, duplicatePercent: 10, seed: this.seed, ...options });
  }
}

/** Of the load above, on average. */
const INPUTS_PER_BATCH = 21;
