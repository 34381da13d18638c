/** I12: a hint in Redis exists only for an event whose input has a committed fate in the database. */
import type { Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';
import { fateOf } from './conservation.ts';

export const hintsFollowFates: Checker = {
  id: 'I12',
  title: 'A hint in Redis exists only for an event that has a fate in the database',
  applies: (run) => run.hints.size > 0,
  batch(batch, run, answer) {
    const takenAtMs = new Map(batch.takings.map((entry) => [entry.new?.['text_storage_id'], entry.atMs]));
    for (const input of [...batch.contents, ...batch.failures]) {
      const seenAtMs = run.hints.get(input.eventId);
      if (seenAtMs === undefined) continue;
      const identity = input.kind === 'content' ? input.textStorageId : input.fileUploadId;
      const isTooEarly = (takenAtMs.get(identity) ?? 0) > seenAtMs;
      answer.holds(fateOf(input, batch, run) !== null && !isTooEarly, () => {
        const when = isTooEarly ? 'had a hint before it had its slot' : 'has a hint and no fate';
        return problemOf(batch, `${input.kind} ${identity} (event ${input.eventId}) ${when}`, {
          identities: [identity],
        });
      });
    }
  },
  async run(run, answer) {
    for (const eventId of run.hintsUnsent) {
      answer.holds(false, () => ({ message: `Redis holds a hint for event ${eventId}, which nobody sent` }));
    }
  },
};
