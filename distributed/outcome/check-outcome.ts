import type { Manifest } from '../generator/manifest.ts';
import { EVENT_CHECKS } from './event-checks.ts';
import { gatherEvidence, type OutcomeConditions } from './evidence.ts';
import type { Outputs } from './outputs.ts';
import { TABLE_CHECKS } from './table-checks.ts';
import type { Tables } from './tables.ts';

/**
 * Judges what became of a load. Pure: the same manifest, tables and outputs give the same answer at any time, so a
 * finished run can be judged again. A check that found nothing to judge says so (`judged` 0) and proves nothing.
 */
export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** How many things were looked at. */
  readonly judged: number;
  readonly problemCount: number;
  /** The first `PROBLEMS_SHOWN_MAX`, with ids. */
  readonly problems: readonly string[];
}

export const PROBLEMS_SHOWN_MAX = 20;

export function checkOutcome(
  manifest: Manifest,
  tables: Tables,
  outputs: Outputs,
  conditions: OutcomeConditions,
): CheckResult[] {
  const evidence = gatherEvidence(manifest, tables, outputs, conditions);
  return [...TABLE_CHECKS, ...EVENT_CHECKS].map((check) => {
    let judged = 0;
    let problemCount = 0;
    const problems: string[] = [];
    check.run(evidence, (isRight, problem) => {
      judged++;
      if (!isRight) {
        problemCount++;
        if (problems.length < PROBLEMS_SHOWN_MAX) {
          problems.push(problem());
        }
      }
    });
    return { name: check.name, ok: problemCount === 0, judged, problemCount, problems };
  });
}
