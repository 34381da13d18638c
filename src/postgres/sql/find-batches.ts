/**
 * Batches whose id begins with a text, in order of their ids. Takes no lock. It looks at so many ids behind the last one
 * looked at and no further, whatever is asked of them besides: one row tells the last one and how many they were, the
 * others (with an id) what was found.
 *
 * $1 beginning text · $2 id looked at last text · $3 ids at most int · $4 states text[] · $5 and $6 user and organisation,
 * one of which it must have, both null: any · $7 user and $8 course that it must have, null: any · $9 registered since
 * timestamptz · $10 batches at most int · $11 count up to int
 */
import { batchColumns } from '../batch-row.ts';

export const FIND_BATCHES = `
with looked_at as materialized (
  select b.*
  from batches b
  where b.id ~>=~ $1::text and b.id ~<~ ($1::text || chr(1114111)) and b.id ~>~ $2::text
  order by b.id using ~<~
  limit $3::int
), found as materialized (
  select l.*
  from looked_at l
  where l.state = any ($4::text[])
    and (($5::text is null and $6::text is null) or l.user_id = $5 or l.org_id = $6)
    and ($7::text is null or l.user_id = $7)
    and ($8::text is null or l.course_code = $8)
    and coalesce(l.registered_at, l.announced_at) >= $9::timestamptz
  order by l.id using ~<~
  limit $10::int
), extent as (
  select count(*)::int as looked_at, max(id collate "C") as last_id from looked_at
)
select
  e.looked_at,
  e.last_id,
  f.id,
  f.course_code,
  f.user_id,
  f.org_id,${batchColumns('f', '$11')}
from extent e left join found f on true
order by f.id using ~<~
`;
