/**
 * Which inputs already have a disposition, read-only and without any lock: every one of an erased batch has. Returns
 * their positions (from 1). Each place is probed for each input: asked with EXISTS alone the planner would rather read
 * the whole of a table once.
 *
 * $1 kind text[] · $2 batch_id text[] · $3 identity text[]
 */
export const FIND_KNOWN = `
select i.ord::int as ord
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as i(kind, batch_id, identity, ord)
left join lateral (
  select 1 as is_there from slots s
  where i.kind = 'content' and s.batch_id = i.batch_id and s.text_storage_id = i.identity limit 1
) s on true
left join lateral (
  select 1 as is_there from excess_contents e
  where i.kind = 'content' and e.batch_id = i.batch_id and e.text_storage_id = i.identity limit 1
) e on true
left join lateral (
  select 1 as is_there from failures f
  where i.kind = 'failure' and f.batch_id = i.batch_id and f.file_upload_id = i.identity limit 1
) f on true
left join lateral (
  select 1 as is_there from pending_inputs p
  where p.batch_id = i.batch_id and p.kind = i.kind and p.identity = i.identity limit 1
) p on true
left join lateral (
  select 1 as is_there from batches b where b.id = i.batch_id and b.erased_at is not null limit 1
) b on true
where coalesce(s.is_there, e.is_there, f.is_there, p.is_there, b.is_there) is not null
`;
