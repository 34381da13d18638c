/**
 * Whose batch an essay is of. Takes no lock.
 *
 * $1 essay id text
 */
export const READ_ESSAY_OWNER = `
select b.user_id, b.org_id from slots s join batches b on b.id = s.batch_id where s.essay_id = $1
`;
