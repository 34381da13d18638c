/** I4 to I7: exactly one completion, from the transaction that took the last slot, listing exactly what is there. */
import { outboundEventId } from '../../../src/contract/event-id.ts';
import { EVENT_TYPES } from '../../../src/contract/topics.ts';
import type { Problem } from '../../run/results.ts';
import type { Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';
import { type BatchEvidence, differenceOf, groupBy } from '../evidence/batch-evidence.ts';
import { addressOf } from '../evidence/input-records.ts';
import type { Output } from '../evidence/output-records.ts';

export const oneEventEach: Checker = {
  id: 'I4',
  title:
    'A batch has one completion; every event has one id, made from what it is about, and copies are the same bytes',
  batch(batch, run, answer) {
    const completions = new Set(batch.completed.map((output) => output.eventId));
    answer.holds(completions.size <= 1, () => {
      const message = `${completions.size} completions: ${[...completions].join(', ')}`;
      return problemOf(batch, message, { identities: [] });
    });
    for (const [eventId, copies] of groupBy(outputsOf(batch), (output) => output.eventId)) {
      const isDerived = copies.every((copy) => copy.isIdDerived);
      // What came instead of a lost event is of another moment.
      const isSame = new Set(copies.map((copy) => copy.digest)).size === 1 || copies.some((copy) => copy.wasLost);
      // A row taken over from an instance that was only slow may be published by both.
      const isOnce = run.isFaulty || run.outbox.takeovers > 0 || copies.length === 1;
      answer.holds(isDerived && isSame && isOnce, () => {
        const fault = isDerived
          ? isSame
            ? `${copies.length} copies without a fault`
            : 'copies differ'
          : 'id is not derived';
        const message = `event ${eventId} (${copies[0]?.kind}): ${fault}, at ${copies.map(addressOf).join(', ')}`;
        return problemOf(batch, message, { identities: copies.flatMap(contentOf) });
      });
    }
  },
};

export const completedByLastSlot: Checker = {
  id: 'I5',
  title: 'A completion is written by the transaction that takes the last slot, never before, never after',
  batch(batch, run, answer) {
    const published = [...new Set(batch.completed.map((output) => output.eventId))];
    if (!batch.isFull) {
      const id = outboundEventId(batch.batchId, EVENT_TYPES.completed, '');
      const isAnnounced = published.length > 0 || run.outbox.completions.has(id) || batch.row?.state === 'complete';
      answer.holds(!isAnnounced, () =>
        problemOf(batch, `is announced complete with ${batch.openSlots.length} of ${batch.slots.length} slots open`),
      );
      return;
    }
    for (const eventId of published) {
      if (run.outbox.completions.has(eventId)) {
        answer.holds(true, () => ({ message: eventId }));
      } else if (run.outbox.isWhole && run.outbox.rows > 0) {
        const message = `completion ${eventId} was published and no committed transaction wrote it`;
        answer.holds(false, () => problemOf(batch, message, { identities: [] }));
      } else answer.doubt('outbox rows were removed before they could be read');
    }
    judgeTransaction(batch, run, answer);
  },
};

export const everythingAnnounced: Checker = {
  id: 'I6',
  title: 'Every full batch, every filled slot and every excess content is announced in Kafka',
  batch(batch, run, answer) {
    const isUnderWay = !run.wasGivenTime && run.outbox.unpublished > 0;
    const announced = (isAnnounced: boolean, problem: () => Problem) => {
      if (isAnnounced || !isUnderWay) answer.holds(isAnnounced, problem);
      else answer.doubt('the run ended before it waited for rest, with events unpublished');
    };
    if (batch.isFull) {
      announced(batch.completed.length > 0, () =>
        problemOf(batch, `all ${batch.slots.length} slots are taken and no completion was published`),
      );
    }
    const assigned = new Set(batch.assigned.map((output) => output.essayId));
    for (const slot of batch.filled) {
      const message = `slot ${slot.essayId} holds ${slot.textStorageId}, and no event says so`;
      announced(assigned.has(slot.essayId), () =>
        problemOf(batch, message, { essayIds: [slot.essayId], identities: [slot.textStorageId ?? ''] }),
      );
    }
    const excess = new Set(batch.excessEvents.map((output) => output.textStorageId));
    for (const { textStorageId } of batch.excess) {
      const message = `content ${textStorageId} is excess, and no event says so`;
      announced(excess.has(textStorageId), () => problemOf(batch, message, { identities: [textStorageId] }));
    }
  },
};

export const payloadsTrue: Checker = {
  id: 'I7',
  title: 'Completions list exactly the filled slots, and every event says what is stored',
  batch(batch, _run, answer) {
    judgeCompletions(batch, answer);
    const slots = new Map(batch.slots.map((slot) => [slot.essayId, slot]));
    for (const output of batch.assigned) {
      const slot = slots.get(output.essayId);
      const said = [output.textStorageId, output.fileUploadId, output.originalFileName];
      const stored = [slot?.textStorageId, slot?.fileUploadId, slot?.originalFileName];
      answer.holds(said.join('\n') === stored.join('\n'), () => {
        const message = `${addressOf(output)} says slot ${output.essayId} holds ${said.join(', ')}; stored is ${stored.join(', ')}`;
        return problemOf(batch, message, { essayIds: [output.essayId], identities: [output.textStorageId] });
      });
    }
    const excess = new Map(batch.excess.map((row) => [row.textStorageId, row]));
    for (const output of batch.excessEvents) {
      const stored = excess.get(output.textStorageId)?.originalFileName;
      answer.holds(stored === output.originalFileName, () => {
        const message = `${addressOf(output)} says content ${output.textStorageId} (${output.originalFileName}) is excess; stored is ${stored ?? 'nothing'}`;
        return problemOf(batch, message, { identities: [output.textStorageId] });
      });
    }
  },
};

function judgeTransaction(...[batch, run, answer]: Parameters<NonNullable<Checker['batch']>>): void {
  if (!run.isAudited && !run.isAuditWanted) return;
  const id = outboundEventId(batch.batchId, EVENT_TYPES.completed, '');
  const written = run.outbox.completions.get(id);
  const last = batch.takings.at(-1);
  const { completing } = batch;
  if (written === undefined) return;
  if (!run.isAudited || last === undefined || completing === null || written.txid === null) {
    answer.doubt('the audit does not show how a batch was completed');
    return;
  }
  const isRight = written.txid === last.txid && completing.txid === last.txid;
  answer.holds(isRight, () => {
    const message =
      `the last slot was taken by transaction ${last.txid}, the batch was completed by ${completing.txid}, ` +
      `and outbox row ${written.rowId} with its completion was written by ${written.txid}`;
    return problemOf(batch, message, { identities: [], essayIds: [last.rowId ?? ''] });
  });
}

function judgeCompletions(batch: BatchEvidence, answer: Parameters<NonNullable<Checker['batch']>>[2]): void {
  const { row } = batch;
  const filled = batch.filled.map((slot) => `${slot.essayId} ${slot.textStorageId}`);
  for (const output of batch.completed) {
    const listed = output.essays.map((essay) => `${essay.essayId} ${essay.textStorageId}`);
    const wrong = differenceOf(listed, filled);
    answer.holds(wrong === null, () =>
      problemOf(batch, `${addressOf(output)} does not list the filled slots: ${wrong}`, { identities: [] }),
    );
    const said = [
      output.provisionedCount,
      output.expectedCount,
      output.courseCode,
      output.userId,
      output.correlationId,
    ];
    const stored = [filled.length, batch.slots.length, row?.courseCode, row?.userId, row?.correlationId];
    answer.holds(said.join('\n') === stored.join('\n'), () =>
      problemOf(batch, `${addressOf(output)} says ${said.join(', ')}; stored is ${stored.join(', ')}`, {
        identities: [],
      }),
    );
  }
}

function outputsOf(batch: BatchEvidence): Output[] {
  return [...batch.completed, ...batch.assigned, ...batch.excessEvents];
}

function contentOf(output: Output): string[] {
  return output.kind === 'completed' ? [] : [output.textStorageId];
}
