/**
 * Puts rows back that this publisher holds, with what of them was acknowledged and why the rest was not: due again
 * after a delay, or dead and out of the poll. A row that somebody else has taken over since is his.
 *
 * $1 row ids bigint[] · $2 errors text[] · $3 delays in milliseconds int[] · $4 dead boolean[] ·
 * $5 acknowledged indexes, each an array literal text[] · $6 publisher text · $7 instants of the rows' writing in
 * microseconds bigint[]
 */
export const RESCHEDULE_OUTBOX = `
update outbox o
set attempts = o.attempts + 1,
    last_error = r.error,
    due_at = clock_timestamp() + r.delay_ms * interval '1 millisecond',
    dead = r.dead,
    acknowledged = r.acknowledged::integer[]
from unnest($1::bigint[], $2::text[], $3::int[], $4::boolean[], $5::text[], $7::bigint[])
  as r(id, error, delay_ms, dead, acknowledged, written_us)
where o.id = r.id
  and (extract(epoch from o.created_at) * 1000000)::bigint = r.written_us
  and o.published_at is null
  and o.publisher = $6
`;
