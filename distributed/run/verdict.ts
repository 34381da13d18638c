/**
 * From checks and races to one verdict, and from that to the exit code. Any false makes a run invalid; else anything
 * unknown makes it unknown. Nothing judged, or a race seen too rarely, is unknown, never a pass.
 */
import type { Check, Gate, Part, Race, Results, Verdict } from './results.ts';

export const EXIT = {
  valid: 0,
  invalid: 1,
  usage: 2,
  environment: 3,
  unknown: 4,
  gateMissed: 99,
  interrupted: 130,
} as const;

/** What a check amounts to: true over nothing is unknown. */
export function verdictOfCheck(check: Pick<Check, 'verdict' | 'judged'>): Check['verdict'] {
  return check.verdict === true && check.judged === 0 ? 'unknown' : check.verdict;
}

export function raceHappened(race: Race): boolean {
  return race.seen >= race.needed;
}

export function mergeVerdict(
  checks: readonly Pick<Check, 'verdict' | 'judged'>[],
  races: readonly Race[] = [],
  parts: readonly Pick<Part, 'verdict'>[] = [],
): Verdict {
  const verdicts = checks.map(verdictOfCheck);
  if (verdicts.includes(false) || parts.some((part) => part.verdict === 'invalid')) return 'invalid';
  const isKnown = verdicts.length + parts.length > 0 && races.every(raceHappened);
  if (!isKnown || verdicts.includes('unknown') || parts.some((part) => part.verdict === 'unknown')) return 'unknown';
  return 'valid';
}

/** An unmeasurable gate is not passed: a run that is valid but for it exits with `unknown`. */
export function exitCodeOf(
  results: Pick<Results, 'verdict' | 'gates' | 'interrupted'> & { readonly parts?: readonly Part[] | undefined },
): number {
  if (results.interrupted) return EXIT.interrupted;
  if (results.verdict === 'invalid') return EXIT.invalid;
  if (results.verdict === 'unknown') return EXIT.unknown;
  const gates = [...results.gates, ...(results.parts ?? []).flatMap((part) => part.gates)];
  if (gates.some((gate) => gate.passed === false)) return EXIT.gateMissed;
  return gates.some((gate) => gate.passed === 'unknown') ? EXIT.unknown : EXIT.valid;
}

/** Null was not measurable. */
export function gatePasses(measured: number | null, comparison: Gate['comparison'], target: number): Gate['passed'] {
  if (measured === null || Number.isNaN(measured)) return 'unknown';
  switch (comparison) {
    case '<':
      return measured < target;
    case '<=':
      return measured <= target;
    case '>':
      return measured > target;
    case '>=':
      return measured >= target;
    case '=':
      return measured === target;
  }
}
