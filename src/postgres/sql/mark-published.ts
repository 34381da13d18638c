/**
 * Marks rows whose every message was acknowledged. Idempotent: a second mark keeps the first instant. A row that has
 * the id of another one that was lost with its server is not meant.
 *
 * $1 row ids bigint[] · $2 instants of their writing in microseconds bigint[]
 */
export const MARK_PUBLISHED = `
update outbox o
set published_at = now(), dead = false
from unnest($1::bigint[], $2::bigint[]) as r(id, written_us)
where o.id = r.id
  and o.id = any ($1::bigint[])
  and (extract(epoch from o.created_at) * 1000000)::bigint = r.written_us
  and o.published_at is null
`;
