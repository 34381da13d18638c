import { CLAIM_INPUTS_MAX } from '../../domain/batch-store.ts';
import { identityOf, type SlotInput } from '../../domain/inputs.ts';

export interface Placed {
  readonly input: SlotInput;
  readonly index: number;
}

/**
 * Groups that may be settled by one statement each: bounded, without repeated identities (the first speaks for its
 * repeats, which are duplicates whatever becomes of it), and with a failure in a later round than a content of the same
 * upload before it, because a statement does not see its own effects.
 */
export function roundsOf(inputs: readonly SlotInput[]): Placed[][] {
  const seen = new Set<string>();
  const contentUploads = new Set<string>();
  const first: Placed[] = [];
  const second: Placed[] = [];
  inputs.forEach((input, index) => {
    const identity = `${input.kind}\u0000${input.batchId}\u0000${identityOf(input)}`;
    if (seen.has(identity)) return;
    seen.add(identity);
    const upload = `${input.batchId}\u0000${input.fileUploadId}`;
    if (input.kind === 'content') contentUploads.add(upload);
    const target = input.kind === 'failure' && contentUploads.has(upload) ? second : first;
    target.push({ input, index });
  });
  return [...chunks(first), ...chunks(second)];
}

/** Pieces small enough for one claim. */
function chunks<T>(items: readonly T[]): T[][] {
  const pieces: T[][] = [];
  for (let start = 0; start < items.length; start += CLAIM_INPUTS_MAX) {
    pieces.push(items.slice(start, start + CLAIM_INPUTS_MAX));
  }
  return pieces;
}
