/**
 * Keeps inputs of batches that are not registered yet, up to a number for each batch; the caller holds the batch rows,
 * which count what waits for them, so that nobody has to. Arrival numbers follow the order of the call. Returns, for
 * each position (from 1), whether it was recorded now, was there before (repeated), or found its batch full.
 *
 * $1 batch_id text[] · $2 kind text[] · $3 identity text[] · $4 file_upload_id text[] · $5 original_file_name text[] ·
 * $6 error_code text[] · $7 error_message text[] · $8 correlation_id text[] · $9 traceparent text[] · $10 tracestate text[] ·
 * $11 inputs of one batch at most int
 */
export const RECORD_PENDING = `
with input as materialized (
  select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
    with ordinality
    as t(batch_id, kind, identity, file_upload_id, original_file_name, error_code, error_message, correlation_id, traceparent, tracestate, ord)
), batch as materialized (
  select b.id, b.pending_count from batches b where b.id = any ($1::text[])
), fresh as materialized (
  select i.*, row_number() over (partition by i.batch_id order by i.ord) as rank
  from input i
  left join lateral (
    select 1 as is_there
    from pending_inputs p
    where p.batch_id = i.batch_id and p.kind = i.kind and p.identity = i.identity
    limit 1
  ) p on true
  where p.is_there is null
), fitting as materialized (
  select f.*
  from fresh f
  join batch b on b.id = f.batch_id
  where b.pending_count + f.rank <= $11::int
), recorded as (
  insert into pending_inputs
    (batch_id, kind, identity, file_upload_id, original_file_name, error_code, error_message, correlation_id, traceparent, tracestate)
  select batch_id, kind, identity, file_upload_id, original_file_name, error_code, error_message, correlation_id, traceparent, tracestate
  from fitting
  order by ord
), counted as (
  update batches b
  set pending_count = b.pending_count + t.count
  from (select batch_id, count(*)::int as count from fitting group by batch_id) t
  where b.id = t.batch_id and b.id = any (array(select distinct batch_id from fitting))
)
select case when t.ord is not null then 'recorded' when f.ord is not null then 'full' else 'repeated' end as outcome
from input i
left join fresh f on f.ord = i.ord
left join fitting t on t.ord = i.ord
order by i.ord
`;
