/**
 * I18: the versions of a batch are one sequence, and its completion comes after all of it. Judged from the database,
 * where the order is made: slot events and completions lie in different topics, between which Kafka knows no order.
 */
import type { Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';

export const versionsInOrder: Checker = {
  id: 'I18',
  title: 'The versions of a batch are 1 to n without a gap, rise in the order of the changes, and completion is last',
  batch(batch, _run, answer) {
    if (batch.row === null) return;
    const versions = batch.slots.flatMap((slot) => (slot.batchVersion === null ? [] : [slot.batchVersion]));
    versions.sort((one, other) => one - other);
    const isGapless = versions.every((version, at) => version === at + 1) && batch.row.version === versions.length;
    answer.holds(isGapless, () =>
      problemOf(batch, `is at version ${batch.row?.version}, its slots have ${versions.join(', ')}`),
    );
    const taken = batch.takings.map((entry) => Number(entry.new?.['batch_version']));
    const isRising = taken.every((version, at) => at === 0 || version > (taken[at - 1] ?? 0));
    answer.holds(isRising, () =>
      problemOf(batch, `slots were taken with the versions ${taken.join(', ')}, in this order`),
    );
    const { completing } = batch;
    const later = batch.takings.find(
      (entry) => completing !== null && entry.seq > completing.seq && entry.txid !== completing.txid,
    );
    answer.holds(later === undefined, () =>
      problemOf(batch, `slot ${later?.rowId} was taken after the batch was complete`, {
        essayIds: [later?.rowId ?? ''],
      }),
    );
  },
};

export const countersTrue: Checker = {
  id: 'counters',
  title: "A batch's counters and state equal its slots",
  batch(batch, _run, answer) {
    const { row, slots, filled, openSlots } = batch;
    if (row === null) return;
    const counted = [slots.length, openSlots.length, filled.length, slots.length - openSlots.length - filled.length];
    const isState = (row.state === 'complete') === batch.isFull;
    answer.holds(isState && counted.join() === row.counters.join(), () =>
      problemOf(
        batch,
        `is ${row.state} with the counters ${row.counters.join(', ')}; its slots are ${counted.join(', ')} (all, open, filled, failed)`,
      ),
    );
  },
};
