/**
 * Failures of a batch in the order of its primary key, which is walked. Takes no lock.
 *
 * $1 batch id text · $2 file upload id of the last page's end text · $3 failures at most int
 */
export const PAGE_FAILURES = `
select f.file_upload_id, f.essay_id, f.original_file_name, f.error_code, f.error_message, f.recorded_at
from failures f
where f.batch_id = $1 and f.file_upload_id > $2::text
order by f.file_upload_id
limit $3::int
`;
