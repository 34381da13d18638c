import type { Findings } from './answers.ts';
import type { BatchEvidence } from './evidence/batch-evidence.ts';
import type { RunEvidence } from './evidence/run-evidence.ts';
import type { PartEvidence } from './evidence/slice-evidence.ts';

/**
 * One question about a finished run, answered from its directory alone. A checker has no state but its findings; it is
 * asked once about every batch, once about what belongs to no batch in each part, and once about the run.
 */
export interface Checker {
  /** I1 .. I19 as in the list of invariants, or a word for what is asked besides. */
  readonly id: string;
  readonly title: string;
  /** False leaves the question out: the run was not about it. */
  applies?(run: RunEvidence): boolean;
  batch?(batch: BatchEvidence, run: RunEvidence, findings: Findings): void;
  part?(part: PartEvidence, run: RunEvidence, findings: Findings): void;
  run?(run: RunEvidence, findings: Findings): Promise<void>;
}
