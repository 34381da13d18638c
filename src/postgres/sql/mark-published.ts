/**
 * Marks rows whose every message was acknowledged. Idempotent: a second mark keeps the first instant.
 *
 * $1 row ids bigint[]
 */
export const MARK_PUBLISHED = `
update outbox set published_at = now(), dead = false
where id = any ($1::bigint[]) and published_at is null
`;
