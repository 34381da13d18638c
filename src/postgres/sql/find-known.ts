/**
 * Which inputs already have a disposition, read-only and without any lock: every one of an erased batch has. Returns
 * their positions (from 1).
 *
 * $1 kind text[] · $2 batch_id text[] · $3 identity text[]
 */
export const FIND_KNOWN = `
select i.ord::int as ord
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as i(kind, batch_id, identity, ord)
where case i.kind
  when 'content' then
    exists (select 1 from slots s where s.batch_id = i.batch_id and s.text_storage_id = i.identity)
    or exists (select 1 from excess_contents e where e.batch_id = i.batch_id and e.text_storage_id = i.identity)
  else
    exists (select 1 from failures f where f.batch_id = i.batch_id and f.file_upload_id = i.identity)
  end
  or exists (
    select 1 from pending_inputs p where p.batch_id = i.batch_id and p.kind = i.kind and p.identity = i.identity
  )
  or exists (select 1 from batches b where b.id = i.batch_id and b.erased_at is not null)
`;
