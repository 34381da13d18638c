/**
 * Deletes published rows past retention, a bounded number at a time; rows another purger holds are left to it.
 *
 * $1 retention in milliseconds bigint · $2 rows at most int
 */
export const PURGE_OUTBOX = `
with old as materialized (
  select id
  from outbox
  where published_at < now() - $1::bigint * interval '1 millisecond'
  order by published_at
  limit $2::int
  for update skip locked
)
delete from outbox o using old where o.id = old.id
returning o.id
`;
