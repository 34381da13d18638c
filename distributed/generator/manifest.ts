/**
 * What must have become of a load when it is processed correctly, whatever the order and the interleaving. Where a
 * batch has more contents and failures than slots, which of them win is a race that nobody may predict; the manifest
 * then gives the range, and these relations hold exactly: filled + failed = min(slots, contents + failures) and
 * excess = contents - filled.
 */
import { type BatchPlan, planBatch } from './batch-plan.ts';
import type { LoadOptions } from './load-options.ts';

export interface Manifest {
  readonly options: LoadOptions;
  readonly batches: readonly BatchExpectation[];
  readonly totals: ManifestTotals;
}

export interface BatchExpectation {
  readonly index: number;
  readonly batchId: string;
  readonly slots: number;
  /** Distinct contents and distinct failed uploads that are sent. */
  readonly contents: number;
  readonly failures: number;
  /** Slots filled by contents, slots burnt by failures, contents that find no slot. */
  readonly filled: Range;
  readonly failed: Range;
  readonly excess: Range;
  /** Copies of slot inputs beyond the first. */
  readonly duplicates: number;
  readonly repeats: number;
  /** Registrations that must end in the dead-letter topic. */
  readonly conflicts: number;
  /** Whether the batch must complete. */
  readonly completion: boolean;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface ManifestTotals {
  /** Records sent, all kinds and copies together. */
  readonly inputs: number;
  readonly batches: number;
  readonly slots: number;
  readonly contents: number;
  readonly failures: number;
  readonly duplicates: number;
  readonly repeats: number;
  readonly conflicts: number;
  readonly completions: number;
  readonly filled: Range;
  readonly failed: Range;
  readonly excess: Range;
}

export function buildManifest(options: LoadOptions): Manifest {
  const batches: BatchExpectation[] = [];
  for (let index = 0; index < options.batches; index++) {
    batches.push(expectBatch(planBatch(options, index)));
  }
  return { options, batches, totals: totalsOf(batches) };
}

export function expectBatch(plan: BatchPlan): BatchExpectation {
  const { index, batchId, slots, contents, failures, duplicates, repeats, conflicts } = plan;
  const taken = Math.min(slots, contents + failures);
  const failed = { min: Math.max(0, taken - contents), max: Math.min(failures, taken) };
  const filled = { min: taken - failed.max, max: taken - failed.min };
  const excess = { min: contents - filled.max, max: contents - filled.min };
  const completion = taken === slots;
  return {
    index,
    batchId,
    slots,
    contents,
    failures,
    filled,
    failed,
    excess,
    duplicates,
    repeats,
    conflicts,
    completion,
  };
}

/** `inputs` where they are not one registration per batch and all that the batches consist of. */
export function totalsOf(batches: readonly BatchExpectation[], inputs?: number): ManifestTotals {
  const sum = (of: (batch: BatchExpectation) => number) => batches.reduce((total, batch) => total + of(batch), 0);
  const sumRange = (of: (batch: BatchExpectation) => Range): Range => ({
    min: sum((batch) => of(batch).min),
    max: sum((batch) => of(batch).max),
  });
  const contents = sum((batch) => batch.contents);
  const failures = sum((batch) => batch.failures);
  const duplicates = sum((batch) => batch.duplicates);
  const repeats = sum((batch) => batch.repeats);
  const conflicts = sum((batch) => batch.conflicts);
  return {
    inputs: inputs ?? batches.length + contents + failures + duplicates + repeats + conflicts,
    batches: batches.length,
    slots: sum((batch) => batch.slots),
    contents,
    failures,
    duplicates,
    repeats,
    conflicts,
    completions: sum((batch) => (batch.completion ? 1 : 0)),
    filled: sumRange((batch) => batch.filled),
    failed: sumRange((batch) => batch.failed),
    excess: sumRange((batch) => batch.excess),
  };
}
