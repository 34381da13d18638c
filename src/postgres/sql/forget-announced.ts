/**
 * Deletes a locked batch that was announced and never registered, once nothing waits for it. Whoever names it again
 * makes a new row. Returns the batch when it did.
 *
 * $1 batch id text
 */
export const FORGET_ANNOUNCED = `
delete from batches b
where b.id = $1 and b.state = 'announced'
  and not exists (select 1 from pending_inputs p where p.batch_id = $1)
returning b.id
`;
