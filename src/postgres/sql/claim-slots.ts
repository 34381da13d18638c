/**
 * Gives each new input of a group one open slot, contents and failures alike, within a transaction that goes on. Locks,
 * guards and parameters: claim-parts.ts.
 */
import { CLAIM, CLAIM_ANSWERS, CLAIM_SOURCES } from '../claim-parts.ts';

export const CLAIM_SLOTS = `${CLAIM}, counted as (
  update batches b
  set open_slots = b.open_slots - t.taken,
      filled_count = b.filled_count + t.filled,
      failed_count = b.failed_count + t.taken - t.filled,
      version = b.version + t.taken,
      state = case when b.open_slots = t.taken then 'complete' else b.state end,
      completed_at = case when b.open_slots = t.taken then now() end
  from tally t
  where b.id = t.batch_id
    and b.id = any (array(select batch_id from tally))
  returning b.id, b.state
)
select ${CLAIM_ANSWERS}
${CLAIM_SOURCES}
order by i.ord
`;
