import type { Checker } from './checker.ts';
import { completedByLastSlot, everythingAnnounced, oneEventEach, payloadsTrue } from './completions.ts';
import { conservation } from './conservation.ts';
import { contractKept } from './contract.ts';
import { evidenceWhole } from './evidence-whole.ts';
import { excessOnlyWhenFull } from './fullness.ts';
import { hintsFollowFates } from './hints.ts';
import { asPlanned } from './manifest.ts';
import { offsetsFollowFates } from './offsets.ts';
import { contentTakesOneSlot, placesExclude } from './one-place.ts';
import { countersTrue, versionsInOrder } from './order.ts';
import { provenance } from './provenance.ts';
import { replayChangesNothing } from './replay.ts';
import { everythingDrains, nothingStuck } from './rest.ts';
import { slotTakenOnce } from './slot-once.ts';

/** All that is asked about a run, in the order of the report. I15 to I17 and I20 are about the gateway and the host. */
export const CHECKERS: readonly Checker[] = [
  contentTakesOneSlot,
  slotTakenOnce,
  conservation,
  oneEventEach,
  completedByLastSlot,
  everythingAnnounced,
  payloadsTrue,
  excessOnlyWhenFull,
  placesExclude,
  provenance,
  offsetsFollowFates,
  hintsFollowFates,
  everythingDrains,
  nothingStuck,
  versionsInOrder,
  replayChangesNothing,
  countersTrue,
  contractKept,
  asPlanned,
  evidenceWhole,
];
