import { runMutant } from '../support/worker/mutant-worker.ts';

/** M4: two transactions take the same lowest slot and the later one overwrites. Violates I2. */
void runMutant({ statements: { 'claim-slots': [['    for update skip locked\n', '']] } });
