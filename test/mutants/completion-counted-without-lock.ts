/** Each transaction counts the open slots it can see, so that two last ones both see another open. Caught by I5 or I6. */
import { runMutant } from '../support/worker/mutant-worker.ts';

const OPEN_SEEN = "(select count(*)::int from slots s where s.batch_id = b.id and s.status = 'open')";

/** Both statements that claim. */
const CLAIM: readonly (readonly [string, string])[] = [
  ['  order by b.id\n  for update skip locked\n', '  order by b.id\n'],
  ['open_slots = b.open_slots - t.taken', `open_slots = ${OPEN_SEEN} - t.taken`],
  ['case when b.open_slots = t.taken', `case when ${OPEN_SEEN} = t.taken`],
];

void runMutant({
  schema: `
    alter table batches drop constraint if exists batches_counts_add_up;
    alter table batches drop constraint if exists batches_complete_when_full`,
  statements: {
    'claim-slots': CLAIM,
    'assign-contents': CLAIM,
  },
});
