/**
 * Removes the pending inputs of registered batches and returns them in arrival order; the caller holds the batch rows,
 * so nothing can be added meanwhile.
 *
 * $1 batch ids text[]
 */
export const TAKE_PENDING = `
with taken as (
  delete from pending_inputs where batch_id = any ($1::text[]) returning *
)
select batch_id, kind, identity, file_upload_id, original_file_name, error_code, error_message, correlation_id, traceparent, tracestate
from taken
order by arrival
`;
