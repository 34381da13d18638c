/**
 * The rule behind G5 and G6: nothing is called excess or pending by a guess. A batch that was complete before the claim
 * is certain without a lock: its slots never open again, and whoever has one is known.
 */
import type { Claim } from './batch-store.ts';
import type { SlotInput } from './inputs.ts';

/**
 * What is to be done about an input, given what its claim met.
 *
 * assigned: a content filled a slot · burnt: a failure used one up · known: the identity has a disposition already ·
 * unburnt: a failure to be recorded without using a slot · excess: a content for a full batch · pending: the batch is
 * not registered yet · absent: nobody has named the batch before, so there is no row to meet on · busy: somebody else
 * holds the batch or its open slots.
 */
export type Decision = 'assigned' | 'burnt' | 'known' | 'unburnt' | 'excess' | 'pending' | 'absent' | 'busy';

export function decide(input: SlotInput, claim: Claim): Decision {
  if (claim.essayId !== null) return input.kind === 'content' ? 'assigned' : 'burnt';
  if (claim.known) return 'known';
  if (claim.batchState === null) return 'absent';
  if (claim.batchState === 'complete') return input.kind === 'content' ? 'excess' : 'unburnt';
  if (!claim.isCertain) return 'busy';
  if (claim.batchState === 'announced') return 'pending';
  return claim.uploadAssigned ? 'unburnt' : 'busy';
}
