/**
 * Pending inputs of a registered batch; the caller holds its row.
 *
 * $1 batch id text
 */
export const COUNT_STRANDED = `
select count(*)::int as count
from pending_inputs p
join batches b on b.id = p.batch_id
where p.batch_id = $1 and b.state <> 'announced'
`;
