/**
 * Trials of a rate: does the consumer group keep up with it? It does when lag does not rise over the second half of the
 * trial and what waits at its end is less than two seconds' worth. The key is the batch, as in production: each batch
 * meets one instance, and many batches are under way, so that all partitions have as much to do. A trial that failed
 * while the host was fully busy, or whose inputs could not be sent in time, tells about the host or the sender:
 * `problem` then says so.
 */
import { median, type Point, slopePerSecond } from '../../engine/measure/trend.ts';
import type { Stage } from '../../engine/stage.ts';
import { DEFAULT_LOAD, type LoadOptions } from '../../generator/load-options.ts';
import { planLoad } from '../../generator/plan.ts';
import { SEED_LIMIT } from '../../generator/seeded-random.ts';

const HOST_BUSY_MAX = 0.95;
/** A process that may run a tenth of the time takes most of a second for a group, however little there is to do. */
const LAG_SECONDS_MAX = 2;
/** Of the rate: lag that rises more slowly does not matter. */
const LAG_SLOPE_MAX = 0.05;
/**
 * Offsets are committed every fifth of a second: lag is a saw of that height, whose slope a short trial cannot ignore.
 */
const SAW_SECONDS = 0.2;
/** A sender later than this share of the trial has not sent at the rate. */
const LATENESS_MAX = 0.1;
/** Seeds of one search do not meet those of another with a neighbouring seed. */
const TRIALS_MAX = 100;
const SAMPLE_INTERVAL_MS = 250;
const DRAIN_MS_MAX = 60_000;
const EVEN_LOAD = { slots: 15, duplicatePercent: 10, routing: 'production', batchesInFlight: 150 } as const;
/** Of that load, on average. */
const INPUTS_PER_BATCH = 21;

export class CapacityTrials {
  /** Why what was found says nothing about the consumer group; null if it does. */
  problem: string | null = null;
  /** Highest of the trials, as a share of all cores. */
  hostBusyMax = 0;
  private readonly stage: Stage;
  private seed: number;

  constructor(stage: Stage, seed: number) {
    this.stage = stage;
    this.seed = (seed * TRIALS_MAX) % SEED_LIMIT;
  }

  /** Sends a backlog at once; the speed at which it drains, in inputs per second. */
  async drain(inputs: number, routing: LoadOptions['routing'] = EVEN_LOAD.routing): Promise<number> {
    const load = this.load({ batches: Math.max(1, Math.round(inputs / INPUTS_PER_BATCH)), routing });
    const startedAtMs = performance.now();
    const { published } = await this.stage.send(load);
    await this.stage.untilDrained(DRAIN_MS_MAX);
    const rate = published / ((performance.now() - startedAtMs) / 1_000);
    this.stage.note(`a backlog of ${published} (${routing}) drained at ${Math.round(rate)} inputs/s`);
    return rate;
  }

  async holds(ratePerSecond: number, seconds: number): Promise<boolean> {
    const { hostBusy } = this.stage.deps.sampler;
    const looksBefore = hostBusy.length;
    const points: Point[] = [];
    let running = true;
    const sending = this.stage.send(this.load({ ratePerSecond, durationSeconds: seconds })).finally(() => {
      running = false;
    });
    const [sent, lagAtEnd] = await Promise.all([sending, this.watch(points, () => running)]);
    // The first look of the trial still covers what was before it.
    const busy = median(hostBusy.slice(looksBefore + 1)) ?? 0;
    await this.stage.untilDrained(DRAIN_MS_MAX);
    const outcome = assessTrial({
      ratePerSecond,
      seconds,
      points,
      lagAtEnd,
      busy,
      sentSeconds: sent.elapsedMs / 1_000,
    });
    this.hostBusyMax = Math.max(this.hostBusyMax, busy);
    this.problem ??= outcome.problem;
    const [rate, percent] = [Math.round(ratePerSecond), Math.round(busy * 100)];
    const held = outcome.sustained ? 'sustained' : 'not sustained';
    this.stage.note(`${rate} inputs/s: ${held}, lag at the end ${lagAtEnd}, host ${percent} % busy`);
    return outcome.sustained;
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

  private load(options: Partial<LoadOptions>) {
    this.seed++;
    const startAtMs = Date.now();
    return planLoad({ ...DEFAULT_LOAD, ...EVEN_LOAD, seed: this.seed, startAtMs, ...options });
  }
}

/** What a trial has shown. Pure. */
export interface TrialMeasurements {
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Lag in records (y) by seconds since the start (x). */
  readonly points: readonly Point[];
  readonly lagAtEnd: number;
  /** Share of all cores. */
  readonly busy: number;
  /** Time the sending took. */
  readonly sentSeconds: number;
}

export function assessTrial(trial: TrialMeasurements): {
  readonly sustained: boolean;
  readonly problem: string | null;
} {
  const { ratePerSecond, seconds, points, lagAtEnd } = trial;
  // The first half fills what is always under way.
  const half = points.filter(({ x }) => x >= seconds / 2);
  const isFlat = slopePerSecond(half) <= (LAG_SLOPE_MAX + SAW_SECONDS / (seconds / 2)) * ratePerSecond;
  const sustained = isFlat && lagAtEnd <= ratePerSecond * LAG_SECONDS_MAX;
  return { sustained, problem: sustained ? null : problemOf(trial) };
}

function problemOf({ seconds, sentSeconds, busy }: TrialMeasurements): string | null {
  if (sentSeconds - seconds > LATENESS_MAX * seconds) return 'the inputs could not be sent at the rate';
  if (busy <= HOST_BUSY_MAX) return null;
  return `the host was ${Math.round(busy * 100)} % busy`;
}
