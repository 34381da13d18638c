/**
 * Excess contents of a batch in the order of its primary key, which is walked. Takes no lock.
 *
 * $1 batch id text · $2 text storage id of the last page's end text · $3 contents at most int
 */
export const PAGE_EXCESS = `
select e.text_storage_id, e.file_upload_id, e.original_file_name, e.recorded_at
from excess_contents e
where e.batch_id = $1 and e.text_storage_id > $2::text
order by e.text_storage_id
limit $3::int
`;
