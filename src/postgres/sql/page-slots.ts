/**
 * Slots of a batch in order of position. Takes no lock. The index has the batch's positions, though not in their order:
 * a page costs at most one look at each of its slots, however large the table is.
 *
 * $1 batch id text · $2 position of the last page's end int · $3 slots at most int
 */
export const PAGE_SLOTS = `
select
  s.essay_id,
  s.position,
  s.status,
  s.text_storage_id,
  s.file_upload_id,
  s.original_file_name,
  s.assigned_at,
  s.assigned_by,
  s.batch_version::float8 as batch_version
from slots s
where s.batch_id = $1 and s.position > $2::int
order by s.position
limit $3::int
`;
