/** I2: judged by the audit, because the final table hides "taken twice, the last one won". */
import type { Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';
import { groupBy } from '../evidence/batch-evidence.ts';
import type { AuditEntry } from '../evidence/rows.ts';

export const slotTakenOnce: Checker = {
  id: 'I2',
  title: 'A slot is taken at most once and never freed',
  applies: (run) => run.isAudited || run.isAuditWanted,
  batch(batch, run, answer) {
    if (!run.isAudited) {
      if (batch.slots.length > 0) answer.doubt('the run was not audited');
      return;
    }
    const changes = groupBy(batch.auditOf('slots').filter(isOfOneSlot), (entry) => entry.rowId ?? '');
    for (const slot of batch.slots) {
      const seen = changes.get(slot.essayId) ?? [];
      changes.delete(slot.essayId);
      if (slot.status !== 'open' && seen.length === 0) {
        answer.doubt('the audit lacks the change of a slot that is taken');
        continue;
      }
      const states = [...seen.map((entry) => entry.new), asStored(slot)].map(contentsOf);
      const isRight = seen.every(isTaking) && seen.length <= 1 && new Set(states).size === 1;
      answer.holds(isRight, () => {
        const contents = seen.flatMap(({ old, new: now }) => [old?.['text_storage_id'], now?.['text_storage_id']]);
        const identities = contents.filter((content) => typeof content === 'string');
        const message = `slot ${slot.essayId} changed ${seen.length} times: ${seen.map(describe).join(', then ')}, is ${slot.status} now`;
        return problemOf(batch, message, { essayIds: [slot.essayId], identities });
      });
    }
    for (const [essayId, seen] of changes) {
      const message = `slot ${essayId} is gone after: ${seen.map(describe).join(', then ')}`;
      answer.holds(false, () => problemOf(batch, message, { essayIds: [essayId] }));
    }
  },
};

/** Registrations are summed up in one entry; a slot that is born taken has an entry of its own. */
function isOfOneSlot(entry: AuditEntry): boolean {
  return entry.rowId !== null;
}

function isTaking({ operation, old, new: now }: AuditEntry): boolean {
  return operation === 'update' && old?.['status'] === 'open' && now?.['status'] !== 'open';
}

function asStored(slot: { status: string; textStorageId: string | null; fileUploadId: string | null }) {
  return { status: slot.status, text_storage_id: slot.textStorageId, file_upload_id: slot.fileUploadId };
}

function contentsOf(state: AuditEntry['new']): string {
  return JSON.stringify([state?.['status'], state?.['text_storage_id'] ?? null, state?.['file_upload_id'] ?? null]);
}

function describe({ operation, txid, old, new: now }: AuditEntry): string {
  const state = (slot: AuditEntry['new']) =>
    `${String(slot?.['status'])} ${String(slot?.['text_storage_id'] ?? '')}`.trim();
  const step = operation === 'update' ? `${state(old)} -> ${state(now)}` : `${operation} of ${state(now ?? old)}`;
  return `${step} (transaction ${txid})`;
}
