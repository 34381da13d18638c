/** Cross-check with the generator: what must have become of its load. The topics are the truth, the manifest is not. */
import type { BatchExpectation } from '../../generator/manifest.ts';
import type { Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';
import type { BatchEvidence } from '../evidence/batch-evidence.ts';
import type { RunEvidence } from '../evidence/run-evidence.ts';

export const asPlanned: Checker = {
  id: 'manifest',
  title: 'Filled, failed, excess, refused and complete are as the generator planned',
  applies: (run) => run.manifest !== null,
  batch(batch, run, answer) {
    const expected = expectationsOf(run).get(batch.batchId);
    // Of another load in the same topics.
    if (expected === undefined) return;
    if (batch.row !== null) unseenOf(run).delete(batch.batchId);
    const { slots, filled, excess, openSlots } = batch;
    const failed = slots.length - filled.length - openSlots.length;
    const counts = { filled: filled.length, failed, excess: excess.length };
    const isInRange = (['filled', 'failed', 'excess'] as const).every(
      (name) => counts[name] >= expected[name].min && counts[name] <= expected[name].max,
    );
    const taken = Math.min(expected.slots, expected.contents + expected.failures);
    const addsUp = counts.filled + failed === taken && counts.excess === expected.contents - counts.filled;
    const isComplete = batch.isFull === expected.completion && slots.length === expected.slots;
    answer.holds(isInRange && addsUp && isComplete, () =>
      problemOf(batch, describe(batch, counts, expected), { identities: [] }),
    );
    const refused = batch.registrations.filter((input) =>
      run.letters.has(`${input.topic}/${input.partition}@${input.offset}`),
    ).length;
    answer.holds(refused === expected.conflicts, () =>
      problemOf(batch, `${refused} of ${expected.conflicts} conflicting registrations were refused`, {
        identities: [],
      }),
    );
  },
  async run(run, answer) {
    for (const batchId of unseenOf(run)) {
      answer.holds(false, () => ({ message: `batch ${batchId} of the load is not stored`, batchId }));
    }
  },
};

/** Batches of the load of which no row was seen yet. */
const unseen = new WeakMap<RunEvidence, Set<string>>();

function unseenOf(run: RunEvidence): Set<string> {
  let known = unseen.get(run);
  if (known === undefined) {
    known = new Set(expectationsOf(run).keys());
    unseen.set(run, known);
  }
  return known;
}

const expectations = new WeakMap<RunEvidence, Map<string, BatchExpectation>>();

function expectationsOf(run: RunEvidence): Map<string, BatchExpectation> {
  let known = expectations.get(run);
  if (known === undefined) {
    known = new Map(run.manifest?.batches.map((batch) => [batch.batchId, batch]));
    expectations.set(run, known);
  }
  return known;
}

function describe(
  batch: BatchEvidence,
  counts: { readonly filled: number; readonly failed: number; readonly excess: number },
  expected: BatchExpectation,
): string {
  const ranges = (['filled', 'failed', 'excess'] as const).map(
    (name) => `${name} ${counts[name]} (${expected[name].min}..${expected[name].max})`,
  );
  const state = batch.isFull ? 'full' : `${batch.openSlots.length} of ${batch.slots.length} slots open`;
  return `${ranges.join(', ')}; it is ${state} and should be ${expected.completion ? 'full' : 'open'} with ${expected.slots}`;
}
