/** Two transactions take the same lowest slot and the later one overwrites. Caught by I2. */
import { runMutant } from '../support/worker/mutant-worker.ts';

/** Both statements that claim. */
const CLAIM: readonly (readonly [string, string])[] = [
  ['  order by b.id\n  for update skip locked\n', '  order by b.id\n'],
  ['    for update skip locked\n', ''],
];

void runMutant({
  statements: {
    'claim-slots': CLAIM,
    'assign-contents': CLAIM,
  },
});
