/** How a crowd of watchers in a process of its own is told what to do, and what it tells. */
import { z } from 'zod';

/** The one argument of the program, as JSON. */
export const watchingTask = z.object({
  /** Of gateways, taken in turn. */
  urls: z.array(z.string()),
  batchId: z.string(),
  names: z.string(),
  count: z.number().int(),
  /** Of the run directory, for this process alone. */
  file: z.string(),
  /** When the run's monotonic clock began, by the wall clock. */
  startedAtMs: z.number(),
  seed: z.number().int(),
});
export type WatchingTask = z.infer<typeof watchingTask>;

/** A line of its output, several times a second. */
export const watchingState = z.object({
  /** Of the watchers, so many have been told something. */
  told: z.number().int(),
  /** The lowest version that one of them has; null: one has none. */
  version: z.number().int().nullable(),
});
export type WatchingState = z.infer<typeof watchingState>;

/** A line of its input, the only one: everybody leaves, at rest or not, and the process ends. */
export const LEAVE = { atRest: 'leave at rest', now: 'leave' } as const;
