/**
 * Records contents that came to a full batch, each once; returns the positions (from 1) of the new ones. Inserted in
 * key order, so that two callers recording the same contents wait for each other in one direction only.
 *
 * $1 batch_id text[] · $2 text_storage_id text[] · $3 file_upload_id text[] · $4 original_file_name text[] ·
 * $5 correlation_id text[]
 */
export const RECORD_EXCESS = `
with input as materialized (
  select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    with ordinality as t(batch_id, text_storage_id, file_upload_id, original_file_name, correlation_id, ord)
), recorded as (
  insert into excess_contents (batch_id, text_storage_id, file_upload_id, original_file_name, correlation_id)
  select batch_id, text_storage_id, file_upload_id, original_file_name, correlation_id
  from input
  order by batch_id, text_storage_id
  on conflict do nothing
  returning batch_id, text_storage_id
)
select i.ord::int as ord
from input i
join recorded r on r.batch_id = i.batch_id and r.text_storage_id = i.text_storage_id
`;
