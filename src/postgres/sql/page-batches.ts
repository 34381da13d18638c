/**
 * Batches, the newest first: those of a state, and of a user, an organisation or a course where these are given. Takes no
 * lock. Every way in walks an index of its own that ends in time and id, so a page costs what it holds, however many
 * batches there are. What is asked besides ($7 to $9) is filtered on the way: among the batches of the user,
 * organisation or course that was named, never among all.
 *
 * $1 states text[] · ways in, null or false where not taken: $2 all boolean, $3 user text, $4 organisation text,
 * $5 course text · $6 registered since timestamptz · $7 user, $8 organisation and $9 course that it must have, null: any
 * · $10 time and $11 id where the last page ended, timestamptz and text · $12 batches at most int · $13 count up to int
 */
import { batchColumns } from '../batch-row.ts';

const WALKED = `
    and coalesce(b.registered_at, b.announced_at) >= $6::timestamptz
    and (coalesce(b.registered_at, b.announced_at), b.id) < ($10::timestamptz, $11::text)
    and ($7::text is null or b.user_id = $7)
    and ($8::text is null or b.org_id = $8)
    and ($9::text is null or b.course_code = $9)
  order by coalesce(b.registered_at, b.announced_at) desc, b.id desc
  limit $12::int`;

const way = (condition: string): string => `
  select f.id, f.since from unnest($1::text[]) s(state) cross join lateral (
    select b.id, coalesce(b.registered_at, b.announced_at) as since
    from batches b
    where ${condition} and b.state = s.state${WALKED}
  ) f`;

export const PAGE_BATCHES = `
with page as materialized (
  select found.id, found.since from (${[
    way('$2::boolean'),
    way('b.user_id = $3::text'),
    way('b.org_id = $4::text'),
    way('b.course_code = $5::text'),
  ].join('\n  union')}
  ) found
  order by found.since desc, found.id desc
  limit $12::int
)
select
  b.id,
  to_char(p.since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as since,
  b.course_code,
  b.user_id,
  b.org_id,${batchColumns('b', '$13')}
from page p join batches b on b.id = p.id
order by p.since desc, p.id desc
`;
