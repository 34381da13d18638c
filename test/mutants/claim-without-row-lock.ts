/** Two transactions take the same lowest slot and the later one overwrites. Caught by I2. */
import { runMutant } from '../support/worker/mutant-worker.ts';

void runMutant({
  statements: {
    'claim-slots': [
      ['  order by b.id\n  for update skip locked\n', '  order by b.id\n'],
      ['    for update skip locked\n', ''],
    ],
  },
});
