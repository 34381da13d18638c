/**
 * Removes rows whose every message was acknowledged, where they are not kept: in the place of a mark, of a second version of each
 * row for the index to hold, and of a sweep. Idempotent. A row that has the id of another one that was lost with its
 * server is not meant.
 *
 * $1 row ids bigint[] · $2 instants of their writing in microseconds bigint[]
 */
export const REMOVE_PUBLISHED = `
delete from outbox o
using unnest($1::bigint[], $2::bigint[]) as r(id, written_us)
where o.id = r.id
  and o.id = any ($1::bigint[])
  and (extract(epoch from o.created_at) * 1000000)::bigint = r.written_us
  and o.published_at is null
`;
