/**
 * Locks the rows of these batches, creating `announced` ones for batches nobody has named before. One pass in id order,
 * so that two callers never hold what the other waits for; the update never happens (where false) but its row lock
 * does, without a new row version.
 *
 * $1 batch ids text[]
 */
export const LOCK_BATCHES = `
insert into batches (id, state)
select id, 'announced' from unnest($1::text[]) as t(id) order by id
on conflict (id) do update set state = excluded.state where false
`;
