/**
 * Deletes published rows past retention, a bounded number at a time; rows another purger holds are left to it. Begins
 * a minute before the end of the former purge (a mark may commit late): what lies further back are entries of deleted
 * rows, which an old snapshot keeps.
 *
 * $1 retention in milliseconds bigint · $2 rows at most int · $3 floor of published_at timestamptz
 */
export const PURGE_OUTBOX = `
with old as materialized (
  select id
  from outbox
  where published_at >= $3::timestamptz and published_at < now() - $1::bigint * interval '1 millisecond'
  order by published_at
  limit $2::int
  for update skip locked
), gone as (
  delete from outbox o where o.id = any (array(select id from old))
  returning o.published_at
)
select count(*)::int as purged_count, (max(published_at) - interval '1 minute')::text as floor from gone
`;
