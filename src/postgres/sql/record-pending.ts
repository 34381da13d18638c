/**
 * Keeps inputs of batches that are not registered yet; the caller holds the batch rows. Arrival numbers follow the
 * order of the call. Returns the positions (from 1) of the new ones.
 *
 * $1 batch_id text[] · $2 kind text[] · $3 identity text[] · $4 file_upload_id text[] · $5 original_file_name text[] ·
 * $6 error_code text[] · $7 error_message text[] · $8 correlation_id text[] · $9 traceparent text[] · $10 tracestate text[]
 */
export const RECORD_PENDING = `
with input as materialized (
  select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
    with ordinality
    as t(batch_id, kind, identity, file_upload_id, original_file_name, error_code, error_message, correlation_id, traceparent, tracestate, ord)
), recorded as (
  insert into pending_inputs
    (batch_id, kind, identity, file_upload_id, original_file_name, error_code, error_message, correlation_id, traceparent, tracestate)
  select batch_id, kind, identity, file_upload_id, original_file_name, error_code, error_message, correlation_id, traceparent, tracestate
  from input
  order by ord
  on conflict do nothing
  returning batch_id, kind, identity
)
select i.ord::int as ord
from input i
join recorded r on r.batch_id = i.batch_id and r.kind = i.kind and r.identity = i.identity
`;
