/** What became of one fault, in results.json: whom it hit, who noticed when, and when work was normal again. */
import { z } from 'zod';

const timing = z.object({
  /** Null: it was not seen. */
  afterMs: z.number().nullable(),
  /** It was looked for so long, in vain. */
  isAtLeast: z.literal(true).optional(),
  /** Null: nothing is promised. */
  limitMs: z.number().nullable(),
  answer: z.enum(['met', 'missed', 'not judged']),
  /** By whom, or why it is not judged. */
  note: z.string(),
});
export type Timing = z.infer<typeof timing>;

export const faultOutcomeSchema = z.object({
  fault: z.string(),
  target: z.string(),
  /** Epoch; when it really broke. */
  fromMs: z.number(),
  /** Null: nobody mended it. */
  untilMs: z.number().nullable(),
  /** Inbound partitions in which there was something to do. */
  partitions: z.number().int().nonnegative(),
  /** By workers' own words, from the fault. */
  noticed: timing,
  /** By an alert that fires, from the fault. */
  alerted: timing,
  /** From its end, or from the fault where others go on in its place. */
  recovered: timing.extend({ from: z.enum(['start', 'end']) }),
});
export type FaultOutcome = z.infer<typeof faultOutcomeSchema>;
