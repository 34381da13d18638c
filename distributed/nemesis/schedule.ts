/**
 * When which fault happens to whom. Pure: the same options give the same schedule. Faults follow one another, never two
 * at once; every kind comes before any comes again; a quarter of the periods is quiet, so that recovery is seen too.
 */
import { SeededRandom } from '../generator/seeded-random.ts';

const QUIET_PERCENT = 25;
/** Streams of the seed: 0 and up are batches. */
const STREAM = 0x7f00_0001;

export interface ScheduleOptions<Kind extends string> {
  readonly seed: number;
  readonly kinds: readonly Kind[];
  /** From the start of the load. */
  readonly fromMs: number;
  /** No fault begins at or after it, and each ends before it unless it is the only one that fits. */
  readonly untilMs: number;
  readonly holdMsMin: number;
  readonly holdMsMax: number;
  /** From the end of one fault to the start of the next. */
  readonly gapMsMin: number;
  readonly gapMsMax: number;
  /** How many there are to choose from. */
  readonly targets: number;
}

export interface ScheduledFault<Kind extends string = string> {
  readonly kind: Kind;
  readonly atMs: number;
  readonly holdMs: number;
  /** 0 up to `targets`. */
  readonly target: number;
}

export function planFaults<Kind extends string>(options: ScheduleOptions<Kind>): ScheduledFault<Kind>[] {
  const random = new SeededRandom(options.seed, STREAM);
  const between = (min: number, max: number) => Math.round(min + (max - min) * random.fraction());
  const faults: ScheduledFault<Kind>[] = [];
  let waiting: Kind[] = [];
  let atMs = options.fromMs;
  while (atMs < options.untilMs && options.kinds.length > 0) {
    if (waiting.length === 0) waiting = shuffled(options.kinds, random);
    const holdMs = between(options.holdMsMin, options.holdMsMax);
    const gapMs = between(options.gapMsMin, options.gapMsMax);
    const target = Math.floor(random.fraction() * options.targets);
    if (atMs + holdMs > options.untilMs && faults.length > 0) break;
    // The first period is never quiet: a schedule without faults would prove nothing.
    const isQuiet = random.chance(QUIET_PERCENT) && faults.length > 0;
    const kind = isQuiet ? undefined : waiting.shift();
    if (kind !== undefined) faults.push({ kind, atMs, holdMs, target });
    atMs += Math.max(1, holdMs + gapMs);
  }
  return faults;
}

/** One of each in the given order, evenly over the time. */
export function oneOfEach<Kind extends string>(
  options: Pick<ScheduleOptions<Kind>, 'seed' | 'kinds' | 'fromMs' | 'untilMs' | 'targets'> & { holdMs: number },
): ScheduledFault<Kind>[] {
  const random = new SeededRandom(options.seed, STREAM);
  const stepMs = (options.untilMs - options.fromMs) / Math.max(1, options.kinds.length);
  const holdMs = Math.min(options.holdMs, Math.max(1, Math.floor(stepMs * 0.7)));
  return options.kinds.map((kind, index) => ({
    kind,
    atMs: Math.round(options.fromMs + index * stepMs),
    holdMs,
    target: Math.floor(random.fraction() * options.targets),
  }));
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const rest = [...items];
  const order: T[] = [];
  while (rest.length > 0) order.push(...rest.splice(Math.floor(random.fraction() * rest.length), 1));
  return order;
}
