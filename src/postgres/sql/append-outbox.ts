/**
 * Writes the messages of the running transaction as one row. The writer publishes it itself as long as its lease lasts.
 *
 * $1 publisher text · $2 messages text (JSON array) · $3 message_count int · $4 lease in milliseconds int
 */
export const APPEND_OUTBOX = `
insert into outbox (publisher, messages, message_count, due_at)
values ($1, $2, $3, now() + $4::int * interval '1 millisecond')
returning id::text
`;
