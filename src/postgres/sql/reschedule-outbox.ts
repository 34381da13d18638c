/**
 * Puts rows back with the error of their failed attempt: due again after a delay, or dead and out of the poll.
 *
 * $1 row ids bigint[] · $2 errors text[] · $3 delays in milliseconds int[] · $4 dead boolean[]
 */
export const RESCHEDULE_OUTBOX = `
update outbox o
set attempts = o.attempts + 1,
    last_error = r.error,
    due_at = now() + r.delay_ms * interval '1 millisecond',
    dead = r.dead
from unnest($1::bigint[], $2::text[], $3::int[], $4::boolean[]) as r(id, error, delay_ms, dead)
where o.id = r.id and o.published_at is null
`;
