/**
 * Takes rows whose turn it is, oldest due first, under a lease of this publisher. SKIP LOCKED: two relays never wait
 * for each other and never take the same row at the same time. The database's clock decides leases. Begins at the
 * floor (see outbox-floor.ts): below it lie only entries of rows that are published, which an old snapshot keeps.
 *
 * $1 rows at most int · $2 lease in milliseconds int · $3 publisher text · $4 floor of due_at timestamptz
 */
export const CLAIM_DUE_OUTBOX = `
with due as materialized (
  select id
  from outbox
  where published_at is null and not dead and due_at >= $4::timestamptz and due_at <= now()
  order by due_at
  limit $1::int
  for update skip locked
)
update outbox o
set due_at = now() + $2::int * interval '1 millisecond',
    publisher = $3
from due
where o.id = due.id
returning o.id || '@' || (extract(epoch from o.created_at) * 1000000)::bigint as id, o.messages, o.attempts, o.acknowledged
`;
