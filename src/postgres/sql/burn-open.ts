/**
 * Burns every open slot of an open, locked batch, which completes it. Returns the batch with how many it burnt; nothing
 * when the batch is not open.
 *
 * Locks: the open slots, after the batch row, which the caller holds, as the claim takes them.
 *
 * $1 batch id text · $2 assigned_by text
 */
export const BURN_OPEN = `
with batch as materialized (
  select b.id, b.version from batches b where b.id = $1 and b.state = 'open'
), open as materialized (
  select s.essay_id, row_number() over (order by s.position) as rank
  from slots s
  where s.batch_id = $1 and s.status = 'open'
), burnt as (
  update slots s
  set status = 'failed', assigned_at = now(), assigned_by = $2, batch_version = b.version + o.rank
  from open o, batch b
  where s.essay_id = o.essay_id and s.essay_id = any (array(select essay_id from open))
  returning s.essay_id
), tally as materialized (
  select count(*)::int as count from burnt
)
update batches b
set open_slots = 0,
    failed_count = b.failed_count + t.count,
    version = b.version + t.count,
    state = 'complete',
    completed_at = now()
from tally t
where b.id = $1 and b.state = 'open' and b.open_slots = t.count
returning b.id, t.count
`;
