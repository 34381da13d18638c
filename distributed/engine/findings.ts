/** What a running part finds out that its evidence alone would not tell: gates, numbers, checks, a note. */
import type { Check, Gate, Measurement } from '../run/results.ts';
import type { Quiescence } from './measure/quiescence.ts';

export class Findings {
  readonly checks: Check[] = [];
  readonly gates: Gate[] = [];
  readonly numbers: Record<string, number | Measurement> = {};
  readonly notes: string[] = [];

  number(name: string, value: number | null, rest: Omit<Measurement, 'value'> = {}): void {
    if (value !== null && Number.isFinite(value)) this.numbers[name] = { value, ...rest };
  }

  note(text: string): void {
    this.notes.push(text);
  }

  /** A question with one answer. */
  check(check: Pick<Check, 'id' | 'title' | 'verdict'> & { judged?: number; message?: string; note?: string }): void {
    const { id, title, verdict, judged = 1, message, note } = check;
    const problems = verdict === true ? [] : [{ message: message ?? title }];
    const base = { id, title, verdict, judged, problemCount: problems.length, problems };
    this.checks.push(note === undefined ? base : { ...base, note });
  }

  noteRest({ quiet, lag, unpublished }: Quiescence, limitMs: number): void {
    if (quiet) return;
    const message = `not at rest ${limitMs / 1_000} s after the load: lag ${lag}, ${unpublished} unpublished outbox rows`;
    this.check({ id: 'I13-rest', title: 'The service comes to rest', verdict: false, message });
  }
}
