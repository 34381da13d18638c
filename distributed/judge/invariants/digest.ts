/**
 * One text for the end state of a run, set-wise: which content lies in which slot is a race that nobody may predict, so
 * runs of one seed are compared by the sets of what was assigned, burnt, excess and announced.
 */
import { createHash } from 'node:crypto';
import type { RunDirectory } from '../../run/run-directory.ts';
import { readRun } from '../evidence/read-run.ts';

/** SHA-256 over batches in order of id: slot count, contents, burnt slots, excess, completion ids. */
export async function digestOfRun(directory: RunDirectory): Promise<string> {
  const digests: string[] = [];
  const { slices, close } = await readRun(directory);
  for await (const slice of slices()) {
    for (const batch of slice.batches.values()) {
      const sorted = (texts: readonly (string | null)[]) => [...new Set(texts)].sort();
      const state = [
        batch.batchId,
        batch.slots.length,
        sorted(batch.filled.map((slot) => slot.textStorageId)),
        batch.slots.filter((slot) => slot.status === 'failed').length,
        sorted(batch.excess.map((row) => row.textStorageId)),
        sorted(batch.completed.map((output) => output.eventId)),
      ];
      digests.push(`${batch.batchId} ${createHash('sha256').update(JSON.stringify(state)).digest('hex')}`);
    }
  }
  await close();
  return createHash('sha256').update(digests.sort().join('\n')).digest('hex');
}
