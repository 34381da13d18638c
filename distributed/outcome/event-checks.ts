import { differenceOf, groupBy } from '../checkers/batch-evidence.ts';
import type { Evidence, Judge, OutcomeCheck } from './evidence.ts';
import type { OutputRecord, SlotAssignedOutput } from './outputs.ts';

/** What must hold between the tables and what lies in the output topics. */
const wellFormed: OutcomeCheck = {
  name: 'every published record is as the contract says, key included',
  run(evidence, judge) {
    const { outputs } = evidence;
    for (const problem of outputs.malformed) {
      judge(false, () => problem);
    }
    for (const record of outputs.slotAssigned) {
      judge(record.key === record.essayId, () => `${record.at} has key ${record.key}, not its essay`);
    }
    for (const record of [...outputs.excess, ...outputs.completed]) {
      judge(record.key === record.batchId, () => `${record.at} has key ${record.key}, not its batch`);
    }
  },
};

const completedOnce: OutcomeCheck = {
  name: 'a batch is announced complete exactly once',
  run({ batches, outputs, conditions }, judge) {
    const byBatch = groupBy(outputs.completed, (record) => record.batchId);
    for (const { expected } of batches) {
      const records = byBatch.get(expected.batchId) ?? [];
      const events = new Set(records.map((record) => record.eventId)).size;
      const copiesAllowed = conditions.faultsHappened || records.length <= 1;
      const isRight = events === (expected.completion ? 1 : 0) && copiesAllowed;
      judge(isRight, () => `batch ${expected.batchId}: ${events} completions in ${records.length} records`);
      byBatch.delete(expected.batchId);
    }
    for (const batchId of conditions.foreignBatchesAllowed ? [] : byBatch.keys()) {
      judge(false, () => `batch ${batchId} was announced complete and never sent`);
    }
  },
};

const completionListsFilledSlots: OutcomeCheck = {
  name: 'a completion lists exactly the filled slots and says what was registered',
  run({ batches, outputs }, judge) {
    const byBatch = groupBy(outputs.completed, (record) => record.batchId);
    for (const { expected, row, filled } of batches) {
      for (const record of byBatch.get(expected.batchId) ?? []) {
        const listed = record.essays.map((essay) => `${essay.essayId} ${essay.textStorageId}`);
        const wrong = differenceOf(
          listed,
          filled.map((slot) => `${slot.essayId} ${slot.textStorageId}`),
        );
        judge(wrong === null, () => `${record.at} batch ${expected.batchId}: ${wrong}`);
        const said = [record.provisionedCount, record.expectedCount, record.courseCode, record.userId];
        const stored = [filled.length, expected.slots, row?.courseCode, row?.userId];
        const isRight = said.join() === stored.join() && record.correlationId === row?.correlationId;
        judge(isRight, () => `${record.at} batch ${expected.batchId} says ${said}, tables say ${stored}`);
      }
    }
  },
};

const assignmentsPublished: OutcomeCheck = {
  name: 'every filled slot has its slot-assigned event, and no event is without its slot',
  run(evidence, judge) {
    const records = ofLoad(evidence, evidence.outputs.slotAssigned);
    const bySlot = groupBy(records, (record) => `${record.batchId} ${record.essayId}`);
    for (const slot of evidence.batches.flatMap((batch) => batch.filled)) {
      const key = `${slot.batchId} ${slot.essayId}`;
      const found = bySlot.get(key) ?? [];
      bySlot.delete(key);
      judgeCopies(evidence, judge, found, `slot ${key}`);
      const stored = [slot.textStorageId, slot.fileUploadId, slot.originalFileName].join();
      for (const record of found) {
        const said = [record.textStorageId, record.fileUploadId, record.originalFileName].join();
        judge(said === stored, () => `${record.at} slot ${key} says ${said}, table says ${stored}`);
      }
    }
    for (const [key, extra] of bySlot) {
      judge(false, () => `${(extra[0] as SlotAssignedOutput).at} is about slot ${key}, which is not filled`);
    }
  },
};

const excessPublished: OutcomeCheck = {
  name: 'every excess content has its event, and no event is without its content',
  run(evidence, judge) {
    const byContent = groupBy(ofLoad(evidence, evidence.outputs.excess), contentKey);
    for (const row of evidence.batches.flatMap((batch) => batch.excess)) {
      const found = byContent.get(contentKey(row)) ?? [];
      byContent.delete(contentKey(row));
      judgeCopies(evidence, judge, found, `content ${contentKey(row)}`);
      for (const record of found) {
        const isRight = record.originalFileName === row.originalFileName;
        judge(isRight, () => `${record.at} names file ${record.originalFileName}, table ${row.originalFileName}`);
      }
    }
    for (const key of byContent.keys()) {
      judge(false, () => `an excess event is about content ${key}, which is not excess`);
    }
  },
};

const eventIdsUnique: OutcomeCheck = {
  name: 'an event id belongs to one event, whose copies are the same bytes',
  run({ outputs }, judge) {
    const records: OutputRecord[] = [...outputs.slotAssigned, ...outputs.excess, ...outputs.completed];
    for (const [eventId, copies] of groupBy(records, (record) => record.eventId)) {
      const digests = new Set(copies.map((copy) => copy.digest));
      judge(digests.size === 1, () => `event ${eventId}: ${copies.map((copy) => copy.at).join(', ')} differ`);
    }
  },
};

/** A letter may be there several times: it is written again when its record is delivered again after a rebalance. */
const deadLettersExpected: OutcomeCheck = {
  name: 'the dead letters are the conflicting registrations, and no others',
  run({ batches, outputs, conditions }, judge) {
    const known = new Set(batches.map(({ expected }) => expected.batchId));
    for (const letter of outputs.deadLetters) {
      const isForeign = conditions.foreignBatchesAllowed && !known.has(letter.batchId ?? '');
      const isRight = letter.reason === 'conflicting_registration' && known.has(letter.batchId ?? '');
      judge(isRight || isForeign, () => `${letter.at}: ${letter.reason} of ${letter.origin}`);
    }
    const byBatch = groupBy(outputs.deadLetters, (letter) => letter.batchId ?? '');
    for (const { expected } of batches) {
      const found = new Set((byBatch.get(expected.batchId) ?? []).map((letter) => letter.origin)).size;
      if (expected.conflicts > 0 || found > 0) {
        judge(
          found === expected.conflicts,
          () => `batch ${expected.batchId}: ${found} of ${expected.conflicts} refused`,
        );
      }
    }
  },
};

export const EVENT_CHECKS: readonly OutcomeCheck[] = [
  completedOnce,
  completionListsFilledSlots,
  assignmentsPublished,
  excessPublished,
  eventIdsUnique,
  wellFormed,
  deadLettersExpected,
];

/** One event, and one record of it unless processes died; records of a repeated event id are copies. */
function judgeCopies({ conditions }: Evidence, judge: Judge, found: readonly OutputRecord[], what: string): void {
  const events = new Set(found.map((record) => record.eventId)).size;
  const isRight = events === 1 && (conditions.faultsHappened || found.length === 1);
  judge(isRight, () => `${what}: ${events} events in ${found.length} records`);
}

function ofLoad<T extends OutputRecord>({ manifest, conditions }: Evidence, records: readonly T[]): readonly T[] {
  if (!conditions.foreignBatchesAllowed) {
    return records;
  }
  const known = new Set(manifest.batches.map((batch) => batch.batchId));
  return records.filter((record) => known.has(record.batchId));
}

function contentKey(row: { readonly batchId: string; readonly textStorageId: string }): string {
  return `${row.batchId} ${row.textStorageId}`;
}
