/**
 * Makes dead rows due again, at once and with a fresh count of attempts.
 *
 * $1 row ids bigint[], or null for all dead rows
 */
export const REVIVE_OUTBOX = `
update outbox
set dead = false, attempts = 0, due_at = clock_timestamp()
where dead and ($1::bigint[] is null or id = any ($1::bigint[]))
returning id
`;
