/** I8: excess only when the batch is certainly full, and nothing pending once it is registered. */
import type { Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';

export const excessOnlyWhenFull: Checker = {
  id: 'I8',
  title: 'Excess only when the batch is full; nothing pending behind a registration',
  batch(batch, run, answer) {
    const { openSlots, excess, pending } = batch;
    const identities = excess.slice(0, 3).map((row) => row.textStorageId);
    answer.holds(batch.isFull || excess.length === 0, () => {
      const slots = batch.isRegistered ? `${openSlots.length} slots are open` : 'it is not registered';
      const message = `${excess.length} contents are excess while ${slots}`;
      return problemOf(batch, message, { identities, essayIds: openSlots.slice(0, 3).map((slot) => slot.essayId) });
    });
    answer.holds(!batch.isRegistered || pending.length === 0, () => {
      const message = `is registered and ${pending.length} inputs are still pending`;
      return problemOf(batch, message, { identities: pending.slice(0, 3).map((row) => row.identity) });
    });
    if (!run.isAudited) return;
    const full = batch.completing;
    for (const entry of batch.auditOf('excess_contents')) {
      if (entry.operation !== 'insert') continue;
      // Numbers are drawn in order, and whoever sees a batch complete draws after the one who completed it.
      answer.holds(full !== null && full.seq < entry.seq, () => {
        const open = batch.slots.length - batch.takings.filter((taking) => taking.seq < entry.seq).length;
        const message = `content ${entry.rowId} became excess while ${open} slots were not taken`;
        return problemOf(batch, message, { identities: [entry.rowId ?? ''] });
      });
    }
  },
};
