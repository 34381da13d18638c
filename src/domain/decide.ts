/**
 * The rule behind G5 and G6: nothing is called excess or pending by a guess. `certain` says that the batch row was
 * locked before the claim's statement began. A batch that was complete before the claim is certain without a lock: its
 * slots never open again, and whoever has one is known. Not so a batch that the claim itself completed: the last but
 * one slot may have gone, unseen, to the very content that found none.
 */
import type { Claim } from './batch-store.ts';
import type { SlotInput } from './inputs.ts';

/**
 * What is to be done about an input, given what its claim met.
 *
 * assigned: a content filled a slot · burnt: a failure used one up · known: the identity has a disposition already ·
 * unburnt: a failure to be recorded without using a slot · excess: a content for a full batch · pending: the batch is
 * not registered yet · undecided: no slot was to be had, and whether the batch is full is not certain.
 */
export type Decision = 'assigned' | 'burnt' | 'known' | 'unburnt' | 'excess' | 'pending' | 'undecided';

export function decide(input: SlotInput, claim: Claim, certain: boolean): Decision {
  if (claim.essayId !== null) return input.kind === 'content' ? 'assigned' : 'burnt';
  if (claim.known) return 'known';
  if (claim.uploadAssigned) return 'unburnt';
  if (claim.batchState === 'complete' && (certain || !claim.completedHere)) {
    return input.kind === 'content' ? 'excess' : 'unburnt';
  }
  if (certain && claim.batchState === 'announced') return 'pending';
  return 'undecided';
}
