/** Who takes part in a bench: prepared on an arena of its own, timed while it drains, and believed only if verified. */
import type { Arena } from './arena.ts';
import type { Stopwatch } from './stopwatch.ts';

export const CONTESTANT_KINDS = ['floor', 'peer', 'release', 'build'] as const;
export type ContestantKind = (typeof CONTESTANT_KINDS)[number];

export interface Contestant {
  readonly name: string;
  readonly kind: ContestantKind;
  /** One sentence on what it is and does. */
  readonly about: string;
  /** Processes that share the work. */
  readonly workers: number;
  /** The checkout whose tables it works on. */
  readonly root: string;
  /** Of the backlog, how much it drains: slow floors are content with a part. */
  inputsOf(backlog: Arena['backlog']): number;
  /** Starts what it needs; nothing of this is timed. */
  prepare(arena: Arena): Promise<Drain>;
  /** Sentences on what is not as it must be after a drain; none if the outcome is right. */
  verify(arena: Arena): Promise<string[]>;
}

/** One contestant on one arena. */
export interface Drain {
  /** Begins the stopwatch when work begins, ends it when all is done. */
  run(stopwatch: Stopwatch): Promise<Timing>;
  /** Nothing of it runs when this resolves. Idempotent. */
  stop(): Promise<void>;
}

export interface Timing {
  readonly elapsedMs: number;
  /** Between 15 and 90 % of the output, where neither the start nor the end shows; null where outputs have no times. */
  readonly steadyPerSecond: number | null;
  readonly peakRssBytes: number;
}
