import { runMutant } from '../support/worker/mutant-worker.ts';

/** M6: a content for a full batch is dropped. Violates I3. */
void runMutant({
  statements: { 'record-excess': [['  from input\n  order by', '  from input\n  where false\n  order by']] },
});
