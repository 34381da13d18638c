/** I10: what is stored and what is set aside is what was sent, unchanged and for the same batch. */
import type { Answer, Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';
import { type BatchEvidence, groupBy } from '../evidence/batch-evidence.ts';
import { addressOf } from '../evidence/input-records.ts';

export const provenance: Checker = {
  id: 'I10',
  title: 'What is stored, published and set aside is what was sent',
  batch(batch, _run, answer) {
    judgeContents(batch, answer);
    judgeFailures(batch, answer);
    judgeSlots(batch, answer);
  },
  slice(slice, _run, answer) {
    for (const { input, bytes, letters } of slice.setAside) {
      for (const letter of letters) {
        // Of what could not be decompressed there are no bytes to keep.
        if (letter.reason === 'undecodable_batch') continue;
        answer.holds(letter.bytes === bytes, () => ({
          message: `dead letter ${letter.at} does not have the key and value of ${addressOf(input)}`,
          records: [addressOf(input), letter.at],
        }));
      }
    }
  },
};

/** A content may be sent more than once with other files: what is stored must be one of them. */
function judgeContents(batch: BatchEvidence, answer: Answer): void {
  const sent = groupBy(batch.contents, (input) => input.textStorageId);
  const filled = batch.filled.map((slot) => ({ ...slot, textStorageId: slot.textStorageId ?? '' }));
  for (const row of [...filled, ...batch.excess]) {
    const inputs = sent.get(row.textStorageId);
    if (inputs === undefined) continue;
    const isRight = inputs.some(
      (input) => input.fileUploadId === row.fileUploadId && input.originalFileName === row.originalFileName,
    );
    answer.holds(isRight, () => {
      const files = inputs.map((input) => `${input.fileUploadId} ${input.originalFileName}`).join(' or ');
      const message = `content ${row.textStorageId} is stored with file ${row.fileUploadId} ${row.originalFileName}, sent was ${files}`;
      return problemOf(batch, message, { identities: [row.textStorageId] });
    });
  }
  for (const output of [...batch.assigned, ...batch.excessEvents]) {
    const inputs = sent.get(output.textStorageId);
    if (inputs === undefined) continue;
    answer.holds(
      inputs.some((input) => input.correlationId === output.correlationId),
      () => {
        const message = `${addressOf(output)} has correlation id ${output.correlationId}, which no input of ${output.textStorageId} has`;
        return problemOf(batch, message, { identities: [output.textStorageId] });
      },
    );
  }
}

function judgeFailures(batch: BatchEvidence, answer: Answer): void {
  const sent = groupBy(batch.failures, (input) => input.fileUploadId);
  for (const row of batch.failureRows) {
    const inputs = sent.get(row.fileUploadId);
    if (inputs === undefined) continue;
    const stored = [row.originalFileName, row.errorCode, row.errorMessage].join('\n');
    const isRight = inputs.some(
      (input) => [input.originalFileName, input.errorCode, input.errorMessage].join('\n') === stored,
    );
    answer.holds(isRight, () =>
      problemOf(batch, `failure ${row.fileUploadId} is stored otherwise than sent`, { identities: [row.fileUploadId] }),
    );
  }
}

function judgeSlots(batch: BatchEvidence, answer: Answer): void {
  if (!batch.isRegistered) return;
  const stored = [...batch.slots]
    .sort((one, other) => one.position - other.position)
    .map((slot) => slot.essayId)
    .join('\n');
  const inputs = batch.registrations;
  if (inputs.length === 0) return;
  const asked = inputs.filter((input) => input.essayIds.join('\n') === stored);
  answer.holds(asked.length > 0, () =>
    problemOf(batch, 'its slots are in the order of no registration', { identities: [] }),
  );
  const isCorrelated = asked.some((input) => input.correlationId === batch.row?.correlationId);
  answer.holds(asked.length === 0 || isCorrelated, () =>
    problemOf(batch, `has correlation id ${batch.row?.correlationId}, which no registration of it has`, {
      identities: [],
    }),
  );
}
