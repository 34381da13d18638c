/**
 * Open batches without an open slot, among the next ones after a place in the walk from the oldest to the newest. A
 * guess without locks: the caller looks again under the batch's lock. Bounded by the length of a stretch, not by how
 * many batches are open. Returns the suspects and the place to go on from, null at the end of the walk.
 *
 * $1 since, where the last stretch ended, timestamptz · $2 id of the batch there text · $3 batches at most int
 */
export const FIND_FULL = `
with walked as materialized (
  select b.id, coalesce(b.registered_at, b.announced_at) as since
  from batches b
  where b.state <> 'complete' and b.state = 'open'
    and (coalesce(b.registered_at, b.announced_at), b.id) > ($1::timestamptz, $2::text)
    and coalesce(b.registered_at, b.announced_at) < now() - interval '5 seconds'
  order by b.state, coalesce(b.registered_at, b.announced_at), b.id
  limit $3::int
), suspect as (
  select w.id
  from walked w
  left join lateral (
    select 1 as is_open
    from slots s
    where s.batch_id = w.id and s.status = 'open'
    limit 1
  ) s on true
  where s.is_open is null
), last as (
  select since, id from walked order by since desc, id desc limit 1
)
select
  array(select id from suspect) as suspects,
  (select since::text from last where (select count(*) from walked) = $3::int) as next_since,
  (select id from last where (select count(*) from walked) = $3::int) as next_id
`;
