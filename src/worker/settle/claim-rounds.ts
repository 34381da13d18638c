/**
 * Divides inputs into rounds that one statement each can settle: of bounded size, with distinct identities, and with a
 * failure in a later round than a content of the same upload that came before it, because a statement does not see its
 * own effects.
 */
import { CLAIM_INPUTS_MAX } from '../../domain/batch-store.ts';
import { identityOf, type SlotInput } from '../../domain/inputs.ts';

/** An input, and where it stands among those that were asked about. */
export interface Indexed {
  readonly input: SlotInput;
  readonly index: number;
}

export interface Claiming {
  /** Each is settled by one statement, after the one before it. */
  readonly rounds: readonly (readonly Indexed[])[];
  /** Inputs whose identity came before in the same call, and where that first one stands: duplicates, once it is settled. */
  readonly repeats: readonly { readonly index: number; readonly first: number }[];
}

export function claimRounds(inputs: readonly SlotInput[]): Claiming {
  const seen = new Map<string, number>();
  const contentUploads = new Set<string>();
  const first: Indexed[] = [];
  const second: Indexed[] = [];
  const repeats: { index: number; first: number }[] = [];
  inputs.forEach((input, index) => {
    const identity = `${input.kind}\u0000${input.batchId}\u0000${identityOf(input)}`;
    const earlier = seen.get(identity);
    if (earlier !== undefined) {
      repeats.push({ index, first: earlier });
      return;
    }
    seen.set(identity, index);
    const upload = `${input.batchId}\u0000${input.fileUploadId}`;
    if (input.kind === 'content') contentUploads.add(upload);
    const target = input.kind === 'failure' && contentUploads.has(upload) ? second : first;
    target.push({ input, index });
  });
  return { rounds: [...chunks(first), ...chunks(second)], repeats };
}

/** Pieces small enough for one claim. */
function chunks<T>(items: readonly T[]): T[][] {
  const pieces: T[][] = [];
  for (let start = 0; start < items.length; start += CLAIM_INPUTS_MAX) {
    pieces.push(items.slice(start, start + CLAIM_INPUTS_MAX));
  }
  return pieces;
}
