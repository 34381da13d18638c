/**
 * A row when inputs are pending behind the registration of a batch; the caller holds its row.
 *
 * $1 batch id text
 */
export const IS_STRANDED = `
select b.id
from batches b
where b.id = $1 and b.state <> 'announced'
  and exists (select 1 from pending_inputs p where p.batch_id = $1)
`;
