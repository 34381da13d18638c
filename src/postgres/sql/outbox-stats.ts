/**
 * Depth, oldest age and dead rows of the outbox, counted up to a limit: the cost is bounded whatever waits. Begins at
 * the floor (see outbox-floor.ts).
 *
 * $1 rows at most int · $2 floor of due_at timestamptz
 */
export const OUTBOX_STATS = `
select
  count(*)::int as unpublished_count,
  coalesce(sum(message_count - cardinality(acknowledged)), 0)::int as unpublished_messages,
  (coalesce(extract(epoch from now() - min(created_at)), 0) * 1000)::float8 as oldest_age_ms,
  (select count(*) from (select 1 from outbox where dead limit $1::int) as some_dead)::int as dead_count
from (
  select message_count, acknowledged, created_at
  from outbox
  where published_at is null and not dead and due_at >= $2::timestamptz
  order by due_at
  limit $1::int
) as waiting
`;
