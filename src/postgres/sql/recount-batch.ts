/**
 * Completes an open, locked batch that has no open slot left, with its counters taken from the slots themselves.
 * Returns the batch when it did.
 *
 * $1 batch id text
 */
export const RECOUNT_BATCH = `
with counted as materialized (
  select count(*) filter (where status = 'open') as open,
         count(*) filter (where status = 'filled') as filled,
         count(*) filter (where status = 'failed') as failed
  from slots
  where batch_id = $1
)
update batches b
set open_slots = 0,
    filled_count = c.filled,
    failed_count = c.failed,
    expected_count = c.filled + c.failed,
    version = b.version + 1,
    state = 'complete',
    completed_at = now()
from counted c
where b.id = $1 and b.state = 'open' and c.open = 0
returning b.id
`;
