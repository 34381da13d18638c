/**
 * Records failures with the slot each burnt, if any. No conflict clause for those that burnt one: a twin recorded
 * meanwhile must undo the burning (23505), not hide it. Those that burnt nothing may have been recorded before.
 * Returns the positions (from 1) of the new ones. Key order as in record-excess.
 *
 * $1 batch_id text[] · $2 file_upload_id text[] · $3 essay_id text[] · $4 original_file_name text[] ·
 * $5 error_code text[] · $6 error_message text[] · $7 correlation_id text[]
 */
export const RECORD_FAILURES = `
with input as materialized (
  select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    with ordinality
    as t(batch_id, file_upload_id, essay_id, original_file_name, error_code, error_message, correlation_id, ord)
), burnt as (
  insert into failures (batch_id, file_upload_id, essay_id, original_file_name, error_code, error_message, correlation_id)
  select batch_id, file_upload_id, essay_id, original_file_name, error_code, error_message, correlation_id
  from input
  where essay_id is not null
  order by batch_id, file_upload_id
  returning batch_id, file_upload_id
), unburnt as (
  insert into failures (batch_id, file_upload_id, essay_id, original_file_name, error_code, error_message, correlation_id)
  select batch_id, file_upload_id, null, original_file_name, error_code, error_message, correlation_id
  from input
  where essay_id is null
  order by batch_id, file_upload_id
  on conflict do nothing
  returning batch_id, file_upload_id
)
select i.ord::int as ord
from input i
join (select * from burnt union all select * from unburnt) r
  on r.batch_id = i.batch_id and r.file_upload_id = i.file_upload_id
`;
