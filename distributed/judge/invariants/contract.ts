/** Every published record is as the contract says, key and headers included. */
import type { Checker } from '../checker.ts';
import { addressOf } from '../evidence/input-records.ts';

export const contractKept: Checker = {
  id: 'contract',
  title: 'Every published record is as the contract says, key and headers included',
  batch(batch, _run, answer) {
    for (const output of [batch.assigned, batch.excessEvents, batch.completed].flat()) {
      answer.holds(true, () => ({ message: addressOf(output) }));
    }
  },
  slice(slice, _run, answer) {
    for (const output of slice.malformed) {
      const message = `${addressOf(output)} is not what the contract says: ${output.why}`;
      answer.holds(false, () => ({ message, records: [addressOf(output)] }));
    }
  },
};
