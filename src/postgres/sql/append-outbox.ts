/**
 * Writes the messages of the running transaction as one row. It is named by its id and the instant of its writing in
 * microseconds, because a server that took over without the last rows gives their ids out again. The writer publishes it itself as long as its lease lasts,
 * which begins now and not with the transaction: that may have waited for locks. It is the last statement before the
 * commit. Batches whose completion is in it, whose rows the transaction holds, remember the row: so what became of a
 * completion is found without looking through the outbox.
 *
 * $1 publisher text · $2 messages text (JSON array) · $3 message_count int · $4 lease in milliseconds int ·
 * $5 ids of completed batches text[]
 */
export const APPEND_OUTBOX = `
with appended as (
  insert into outbox (publisher, messages, message_count, due_at)
  values ($1, $2, $3, clock_timestamp() + $4::int * interval '1 millisecond')
  returning id, created_at
), noted as (
  update batches b
  set completion_outbox_id = a.id
  from appended a
  where b.id = any ($5::text[])
)
select id || '@' || (extract(epoch from created_at) * 1000000)::bigint as id from appended
`;
