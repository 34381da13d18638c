/** `results.json`: what the judge says. Everything printed, reported or compared is derived from it. */
import { z } from 'zod';
import { SCHEMA_VERSION } from './environment.ts';
import { faultOutcomeSchema } from './fault-outcome.ts';

/** Only the first so many problems of a check are kept; `problemCount` counts all. */
export const PROBLEMS_KEPT_MAX = 20;

const verdict = z.enum(['valid', 'invalid', 'unknown']);
export type Verdict = z.infer<typeof verdict>;

const timelineEvent = z.object({ wallMs: z.number(), text: z.string(), process: z.string().optional() });

/** A counterexample a person can follow. */
const problem = z.object({
  message: z.string(),
  batchId: z.string().optional(),
  /** Where the evidence lies: `topic/partition@offset`, `slots essay-1`, `history 17`. */
  records: z.array(z.string()).optional(),
  timeline: z.array(timelineEvent).optional(),
});
export type Problem = z.infer<typeof problem>;

const check = z.object({
  /** A number or word of docs/INVARIANTS.md, or a name of the scenario's own. */
  id: z.string(),
  title: z.string(),
  verdict: z.union([z.boolean(), z.literal('unknown')]),
  /** How many things were looked at; a check of nothing proves nothing. */
  judged: z.number().int().nonnegative(),
  problemCount: z.number().int().nonnegative(),
  problems: z.array(problem).max(PROBLEMS_KEPT_MAX),
  note: z.string().optional(),
});
export type Check = z.infer<typeof check>;

/** How often the race that a scenario is about really happened. */
const race = z.object({ name: z.string(), seen: z.number(), needed: z.number(), unit: z.string() });
export type Race = z.infer<typeof race>;

const gate = z.object({
  name: z.string(),
  /** Null: not measurable, see `note`. */
  measured: z.number().nullable(),
  target: z.number(),
  comparison: z.enum(['<', '<=', '>', '>=', '=']),
  unit: z.string(),
  passed: z.union([z.boolean(), z.literal('unknown')]),
  /** Where the target comes from. */
  source: z.string(),
  note: z.string().optional(),
  /** Repeated measurements that `measured` summarises. */
  samples: z.array(z.number()).optional(),
});
export type Gate = z.infer<typeof gate>;

/** A number worth comparing between runs. */
const measurement = z.object({
  value: z.number(),
  unit: z.string().optional(),
  /** Without it a change is shown and called neither better nor worse. */
  better: z.enum(['higher', 'lower']).optional(),
  samples: z.array(z.number()).optional(),
});
export type Measurement = z.infer<typeof measurement>;

const numbers = z.record(z.string(), z.union([z.number(), measurement]));

const judged = {
  verdict,
  durationMs: z.number().nonnegative(),
  checks: z.array(check),
  races: z.array(race),
  gates: z.array(gate),
  /** Absent where nothing was broken. */
  faults: z.array(faultOutcomeSchema).optional(),
  /** `inputs`, `inputsPerSecond`, ... */
  numbers,
};

const part = z.object({
  name: z.string(),
  ...judged,
  note: z.string().optional(),
  /** The part's own run directory, relative to this one. */
  directory: z.string().optional(),
});
export type Part = z.infer<typeof part>;

export const resultsSchema = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  runId: z.string(),
  scenario: z.string(),
  seed: z.number().int(),
  exitCode: z.number().int(),
  startedAt: z.iso.datetime(),
  /** The run was stopped early; what is judged is what there was. */
  interrupted: z.boolean().optional(),
  ...judged,
  /** Of a scenario with several parts; their checks, races and gates are not repeated above. */
  parts: z.array(part).optional(),
});
export type Results = z.infer<typeof resultsSchema>;

export function measurementOf(value: number | Measurement): Measurement {
  return typeof value === 'number' ? { value } : value;
}
