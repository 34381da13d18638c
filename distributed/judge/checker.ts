/** One question about a finished run, and the answer to it as it is found. */
import { type Check, PROBLEMS_KEPT_MAX, type Problem } from '../run/results.ts';
import type { BatchEvidence } from './evidence/batch-evidence.ts';
import type { RunEvidence } from './evidence/run-evidence.ts';
import type { SliceEvidence } from './evidence/slice-evidence.ts';

const DOUBTS_KEPT_MAX = 5;

/**
 * One question about a finished run, answered from its directory alone. A checker has no state but its answer; it is
 * asked once about every batch, once about what belongs to no batch in each slice, and once about the run.
 */
export interface Checker {
  /** A number of docs/INVARIANTS.md, or a word for what is asked besides. */
  readonly id: string;
  /** What must hold, in one sentence. */
  readonly title: string;
  /** False leaves the question out: the run was not about it. */
  applies?(run: RunEvidence): boolean;
  batch?(batch: BatchEvidence, run: RunEvidence, answer: Answer): void;
  slice?(slice: SliceEvidence, run: RunEvidence, answer: Answer): void;
  run?(run: RunEvidence, answer: Answer): Promise<void>;
}

/**
 * What a checker found: how much it looked at, what is wrong, and what it could not know. Wrong outweighs unknown, and
 * nothing looked at is unknown.
 */
export class Answer {
  private judged = 0;
  private problemCount = 0;
  private readonly problems: Problem[] = [];
  private readonly doubts = new Map<string, number>();

  /** One thing looked at. `problem` is asked for only when it is wrong and will be shown. */
  holds(isRight: boolean, problem: () => Problem): void {
    this.judged++;
    if (isRight) return;
    this.problemCount++;
    if (this.problems.length < PROBLEMS_KEPT_MAX) this.problems.push(problem());
  }

  /** Evidence is missing: the answer is not true. Equal reasons are counted. */
  doubt(reason: string): void {
    if (this.doubts.size < DOUBTS_KEPT_MAX || this.doubts.has(reason)) {
      this.doubts.set(reason, (this.doubts.get(reason) ?? 0) + 1);
    }
  }

  check(id: string, title: string): Check {
    const { judged, problemCount, problems } = this;
    const isUnknown = judged === 0 || this.doubts.size > 0;
    const verdict = problemCount > 0 ? false : isUnknown ? ('unknown' as const) : true;
    const reasons = [...this.doubts].map(([reason, count]) => (count > 1 ? `${reason} (${count} times)` : reason));
    const note = judged === 0 ? ['nothing to judge', ...reasons].join('; ') : reasons.join('; ');
    return { id, title, verdict, judged, problemCount, problems, ...(note === '' ? {} : { note }) };
  }
}
