/**
 * Removes pending inputs of registered batches, the first to arrive of each, and returns them in that order; the caller
 * holds the batch rows, so nothing can be added meanwhile, and a row that is never updated keeps its place. Their
 * batches count them no more, and are draining while there may be others.
 *
 * $1 batch ids text[], distinct · $2 inputs of each batch at most int
 */
export const TAKE_PENDING = `
with next as materialized (
  select p.place
  from unnest($1::text[]) as t(id)
  cross join lateral (
    select p.ctid as place
    from pending_inputs p
    where p.batch_id = t.id
    order by p.arrival
    limit $2::int
  ) p
), taken as (
  delete from pending_inputs where ctid = any (array(select place from next)) returning *
), counted as (
  update batches b
  set pending_count = greatest(0, b.pending_count - t.count), draining = t.count = $2::int
  from (
    select id, (select count(*) from taken where batch_id = id)::int as count from unnest($1::text[]) as i(id)
  ) t
  where b.id = t.id and b.id = any ($1::text[]) and (t.count > 0 or b.draining)
)
select batch_id, kind, identity, file_upload_id, original_file_name, error_code, error_message, correlation_id, traceparent, tracestate
from taken
order by arrival
`;
