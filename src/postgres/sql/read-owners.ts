/**
 * Whose batches these are. Takes no lock.
 *
 * $1 batch ids text[]
 */
export const READ_OWNERS = `
select b.id, b.user_id, b.org_id from batches b where b.id = any ($1::text[])
`;
