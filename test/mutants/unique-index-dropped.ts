/** Nothing but a look beforehand keeps one content from two slots. Caught by I1. */
import { runMutant } from '../support/worker/mutant-worker.ts';

/** Both statements that claim. */
const CLAIM: readonly (readonly [string, string])[] = [
  ['  order by b.id\n  for update skip locked\n', '  order by b.id\n'],
];

void runMutant({
  schema: `
    drop index if exists slots_one_per_text;
    create index if not exists slots_by_text on slots (batch_id, text_storage_id) where text_storage_id is not null`,
  statements: { 'claim-slots': CLAIM, 'assign-contents': CLAIM },
});
