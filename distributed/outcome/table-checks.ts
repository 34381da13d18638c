import { differenceOf, groupBy } from '../checkers/batch-evidence.ts';
import { essayIds, failedUploadIds, textStorageIds } from '../generator/plan.ts';
import type { BatchEvidence, OutcomeCheck } from './evidence.ts';

/**
 * What must hold in the tables alone. None of these relies on a constraint, a counter or a claim of the service:
 * ids are derived again from the seed, and numbers are counted from the rows.
 */
const batchesAreTheLoads: OutcomeCheck = {
  name: 'the batches are those of the load',
  run({ batches, tables, manifest, conditions }, judge) {
    for (const { expected, row } of batches) {
      judge(row !== undefined, () => `batch ${expected.batchId} is missing`);
    }
    if (!conditions.foreignBatchesAllowed) {
      const known = new Set(manifest.batches.map((batch) => batch.batchId));
      const rows = [...tables.batches.map((row) => row.id), ...tables.slots.map((row) => row.batchId)];
      for (const id of rows.filter((row) => !known.has(row))) {
        judge(false, () => `batch ${id} was never sent`);
      }
    }
  },
};

const slotsAreTheRegistrations: OutcomeCheck = {
  name: 'the slots of a batch are those of its first registration, in its order',
  run({ batches, manifest }, judge) {
    for (const { expected, slots } of batches) {
      const planned = essayIds(manifest.options, expected.index);
      const ordered = [...slots].sort((one, other) => one.position - other.position);
      judge(slots.length === planned.length, () => `batch ${expected.batchId} has ${slots.length} slots`);
      ordered.forEach((slot, at) => {
        judge(slot.essayId === planned[at], () => `batch ${expected.batchId} slot ${at} is ${slot.essayId}`);
      });
    }
  },
};

const completeWhenFull: OutcomeCheck = {
  name: 'a batch is complete when its slots are taken, and only then',
  run({ batches }, judge) {
    for (const { expected, row, slots, filled, failed } of batches) {
      const state = row?.state ?? 'missing';
      const taken = filled.length + failed.length;
      const isRight =
        (state === 'complete') === expected.completion && (taken === slots.length) === expected.completion;
      const should = expected.completion ? 'should be complete' : 'should be open';
      judge(isRight, () => `batch ${expected.batchId} is ${state} with ${taken}/${slots.length} taken, ${should}`);
    }
  },
};

const countsAreTheManifests: OutcomeCheck = {
  name: 'filled, failed and excess are as the manifest says',
  run({ batches }, judge) {
    for (const { expected, filled, failed, excess } of batches) {
      const counts = { filled: filled.length, failed: failed.length, excess: excess.length };
      const inRange = (['filled', 'failed', 'excess'] as const).every(
        (name) => counts[name] >= expected[name].min && counts[name] <= expected[name].max,
      );
      const taken = Math.min(expected.slots, expected.contents + expected.failures);
      const addsUp = counts.filled + counts.failed === taken && counts.excess === expected.contents - counts.filled;
      judge(inRange && addsUp, () => `batch ${expected.batchId}: ${describeCounts(counts, expected)}`);
    }
  },
};

const countersEqualRows: OutcomeCheck = {
  name: "a batch's counters equal its slots",
  run({ batches }, judge) {
    for (const { expected, row, slots, filled, failed } of batches) {
      const counted = [slots.length, slots.length - filled.length - failed.length, filled.length, failed.length];
      const stored = [row?.expectedCount, row?.openSlots, row?.filledCount, row?.failedCount];
      judge(counted.join() === stored.join(), () => `batch ${expected.batchId}: counters ${stored}, slots ${counted}`);
    }
  },
};

const contentsOnce: OutcomeCheck = {
  name: 'no content has two places',
  run({ tables }, judge) {
    const places = [
      ...tables.slots.map((slot) => ({ ...slot, place: `slot ${slot.essayId}` })),
      ...tables.excessContents.map((row) => ({ ...row, place: 'excess' })),
    ].filter((place) => place.textStorageId !== null);
    for (const [content, found] of groupBy(places, (place) => `${place.batchId} ${place.textStorageId}`)) {
      judge(found.length === 1, () => `content ${content} is in ${found.map(({ place }) => place).join(' and ')}`);
    }
  },
};

const contentsConserved: OutcomeCheck = {
  name: 'every content sent has a place, and no other content has one',
  run({ batches, manifest }, judge) {
    for (const { expected, filled, excess } of batches) {
      const placed = new Set([...filled, ...excess].map((row) => row.textStorageId ?? ''));
      const sent = textStorageIds(manifest.options, expected.index, expected.contents);
      for (const id of sent) {
        judge(placed.delete(id), () => `content ${id} of batch ${expected.batchId} is lost`);
      }
      for (const id of placed) {
        judge(false, () => `content ${id} of batch ${expected.batchId} was never sent`);
      }
    }
  },
};

const slotsOnce: OutcomeCheck = {
  name: 'no slot is taken twice, and a slot holds what its status says',
  run({ tables, batches }, judge) {
    const rows = groupBy(tables.slots, (slot) => slot.essayId);
    for (const { expected, slots } of batches) {
      for (const slot of slots) {
        const isOnce = rows.get(slot.essayId)?.length === 1;
        const hasText = slot.textStorageId !== null;
        const isKnown = ['open', 'filled', 'failed'].includes(slot.status);
        judge(
          isOnce && isKnown && hasText === (slot.status === 'filled'),
          () => `slot ${slot.essayId} of batch ${expected.batchId}: ${slot.status}, content ${slot.textStorageId}`,
        );
      }
    }
  },
};

const failuresConserved: OutcomeCheck = {
  name: 'every failed file is recorded once, and every burnt slot belongs to one failure',
  run({ batches, manifest }, judge) {
    for (const { expected, failed, failures } of batches) {
      const uploads = failedUploadIds(manifest.options, expected.index, expected.failures);
      const recorded = failures.map((failure) => failure.fileUploadId);
      const wrongFiles = differenceOf(recorded, uploads);
      for (let at = 0; at < uploads.length; at++) {
        judge(wrongFiles === null, () => `batch ${expected.batchId} failures: ${wrongFiles}`);
      }
      const burntBy = failures.flatMap((failure) => (failure.essayId === null ? [] : [failure.essayId]));
      const wrongSlots = differenceOf(
        burntBy,
        failed.map((slot) => slot.essayId),
      );
      judge(wrongSlots === null, () => `batch ${expected.batchId} burnt slots: ${wrongSlots}`);
    }
  },
};

const versionsGapless: OutcomeCheck = {
  name: 'the versions of a batch are 1 to n without a gap',
  run({ batches }, judge) {
    for (const { expected, row, slots } of batches) {
      const versions = slots.flatMap((slot) => (slot.batchVersion === null ? [] : [slot.batchVersion]));
      versions.sort((one, other) => one - other);
      const isRight = versions.every((version, at) => version === at + 1) && row?.version === versions.length;
      judge(isRight, () => `batch ${expected.batchId} is at version ${row?.version}, slots have ${versions}`);
    }
  },
};

const nothingPending: OutcomeCheck = {
  name: 'nothing is pending and nothing is unpublished',
  run({ batches, tables }, judge) {
    const pending = groupBy(tables.pendingInputs, (row) => row.batchId);
    for (const { expected } of batches) {
      const left = pending.get(expected.batchId) ?? [];
      judge(
        left.length === 0,
        () => `batch ${expected.batchId}: ${left.map(({ kind, identity }) => `${kind} ${identity}`)}`,
      );
    }
    judge(tables.outbox.unpublished === 0, () => `${tables.outbox.unpublished} outbox rows are unpublished`);
    judge(tables.outbox.dead === 0, () => `${tables.outbox.dead} outbox rows are dead`);
  },
};

export const TABLE_CHECKS: readonly OutcomeCheck[] = [
  batchesAreTheLoads,
  slotsAreTheRegistrations,
  completeWhenFull,
  countsAreTheManifests,
  countersEqualRows,
  contentsOnce,
  contentsConserved,
  slotsOnce,
  failuresConserved,
  versionsGapless,
  nothingPending,
];

function describeCounts(
  counts: { filled: number; failed: number; excess: number },
  expected: BatchEvidence['expected'],
): string {
  return (['filled', 'failed', 'excess'] as const)
    .map((name) => `${name} ${counts[name]} (${expected[name].min}..${expected[name].max})`)
    .join(', ');
}
