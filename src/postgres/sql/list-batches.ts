/**
 * Unfinished batches of one state, the oldest first, each with what waits for it counted up to a limit. The age is that
 * of the registration, or of what came first where there is none.
 *
 * $1 state text · $2 least age in milliseconds bigint · $3 since and $4 id where the last page ended, timestamptz
 * and text · $5 batches at most int · $6 count up to int
 */
export const LIST_BATCHES = `
with page as materialized (
  select b.*, coalesce(b.registered_at, b.announced_at) as since
  from batches b
  where b.state <> 'complete' and b.state = $1
    and coalesce(b.registered_at, b.announced_at) <= now() - $2::bigint * interval '1 millisecond'
    and (coalesce(b.registered_at, b.announced_at), b.id) > ($3::timestamptz, $4::text)
  order by b.state, coalesce(b.registered_at, b.announced_at), b.id
  limit $5::int
)
select
  p.id,
  p.state,
  p.since::text as since,
  extract(epoch from now() - p.since)::float8 as age_seconds,
  p.user_id,
  p.org_id,
  p.expected_count,
  p.open_slots,
  p.filled_count,
  p.failed_count,
  (select count(*) from (
     select 1 from pending_inputs i where i.batch_id = p.id limit $6::int
   ) i)::int as pending_count
from page p
order by p.since, p.id
`;
