/** A content for a full batch is dropped. Caught by I3. */
import { runMutant } from '../support/worker/mutant-worker.ts';

void runMutant({
  statements: { 'record-excess': [['  from input\n  order by', '  from input\n  where false\n  order by']] },
});
