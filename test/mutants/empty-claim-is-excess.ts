/** No slot to be had without waiting is taken for a full batch. Caught by I8. */
import { runMutant } from '../support/worker/mutant-worker.ts';

/** Both statements that claim. */
const CLAIM: readonly (readonly [string, string])[] = [
  [
    'coalesce(n.state, b.state) as batch_state',
    "case when p.ord is null and b.state = 'open' then 'complete' else coalesce(n.state, b.state) end as batch_state",
  ],
];

void runMutant({
  statements: {
    'claim-slots': CLAIM,
    'assign-contents': CLAIM,
  },
});
