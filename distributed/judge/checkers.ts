/**
 * All that is asked about a run, in the order of the report. Ids stay what they are, since finished runs hold them: a
 * number that is free is not used for another question.
 */
import type { Checker } from './checker.ts';
import { acceptedIsWritten } from './invariants/accepted.ts';
import { completedByLastSlot, everythingAnnounced, oneEventEach, payloadsTrue } from './invariants/completions.ts';
import { conservation } from './invariants/conservation.ts';
import { contractKept } from './invariants/contract.ts';
import { evidenceWhole } from './invariants/evidence-whole.ts';
import { excessOnlyWhenFull } from './invariants/fullness.ts';
import { hintsFollowFates } from './invariants/hints.ts';
import { liveProgress } from './invariants/live-progress.ts';
import { asPlanned } from './invariants/manifest.ts';
import { offsetsFollowFates } from './invariants/offsets.ts';
import { contentTakesOneSlot, placesExclude } from './invariants/one-place.ts';
import { countersTrue, versionsInOrder } from './invariants/order.ts';
import { provenance } from './invariants/provenance.ts';
import { replayChangesNothing } from './invariants/replay.ts';
import { everythingDrains, nothingStuck } from './invariants/rest.ts';
import { slotTakenOnce } from './invariants/slot-once.ts';

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
  liveProgress,
  acceptedIsWritten,
  countersTrue,
  contractKept,
  asPlanned,
  evidenceWhole,
];
