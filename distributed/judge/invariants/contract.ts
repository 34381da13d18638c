import type { Checker } from '../checker.ts';
import { placeName } from '../evidence/input-records.ts';

/** Every published record is as the contract says, key and headers included. */
export const contractKept: Checker = {
  id: 'contract',
  title: 'Every published record is as the contract says, key and headers included',
  batch(batch, _run, findings) {
    for (const output of [batch.assigned, batch.excessEvents, batch.completed].flat()) {
      findings.holds(true, () => ({ message: placeName(output) }));
    }
  },
  part(part, _run, findings) {
    for (const output of part.malformed) {
      const message = `${placeName(output)} is not what the contract says: ${output.why}`;
      findings.holds(false, () => ({ message, records: [placeName(output)] }));
    }
  },
};
