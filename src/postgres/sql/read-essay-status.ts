/**
 * One slot.
 *
 * $1 essay id text
 */
export const READ_ESSAY_STATUS = `
select essay_id, batch_id, position, status, text_storage_id, file_upload_id, original_file_name, assigned_at,
       assigned_by, batch_version::float8 as batch_version
from slots
where essay_id = $1
`;
