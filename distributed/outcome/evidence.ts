import { groupBy } from '../checkers/batch-evidence.ts';
import type { BatchExpectation, Manifest } from '../generator/manifest.ts';
import type { Outputs } from './outputs.ts';
import type { BatchRow, ExcessRow, FailureRow, SlotRow, Tables } from './tables.ts';

/** Everything a check may look at, indexed by batch. */
export interface Evidence {
  readonly manifest: Manifest;
  readonly tables: Tables;
  readonly outputs: Outputs;
  readonly conditions: OutcomeConditions;
  readonly batches: readonly BatchEvidence[];
}

export interface OutcomeConditions {
  /** Processes were killed or frozen: an event may have been published more than once, with equal bytes. */
  readonly faultsHappened: boolean;
  /** The database or topics hold batches of other loads, which are then not judged. */
  readonly foreignBatchesAllowed: boolean;
}

export interface BatchEvidence {
  readonly expected: BatchExpectation;
  readonly row: BatchRow | undefined;
  readonly slots: readonly SlotRow[];
  readonly filled: readonly SlotRow[];
  readonly failed: readonly SlotRow[];
  readonly excess: readonly ExcessRow[];
  readonly failures: readonly FailureRow[];
}

/** One question about the outcome. It calls `judge` once per thing looked at. */
export interface OutcomeCheck {
  readonly name: string;
  run(evidence: Evidence, judge: Judge): void;
}

/** `problem` is asked for only when the thing is wrong; it names ids. */
export type Judge = (isRight: boolean, problem: () => string) => void;

export function gatherEvidence(
  manifest: Manifest,
  tables: Tables,
  outputs: Outputs,
  conditions: OutcomeConditions,
): Evidence {
  const rows = new Map(tables.batches.map((row) => [row.id, row]));
  const slots = groupBy(tables.slots, (row) => row.batchId);
  const excess = groupBy(tables.excessContents, (row) => row.batchId);
  const failures = groupBy(tables.failures, (row) => row.batchId);
  const batches = manifest.batches.map((expected): BatchEvidence => {
    const id = expected.batchId;
    const batchSlots = slots.get(id) ?? [];
    return {
      expected,
      row: rows.get(id),
      slots: batchSlots,
      filled: batchSlots.filter((slot) => slot.status === 'filled'),
      failed: batchSlots.filter((slot) => slot.status === 'failed'),
      excess: excess.get(id) ?? [],
      failures: failures.get(id) ?? [],
    };
  });
  return { manifest, tables, outputs, conditions, batches };
}
