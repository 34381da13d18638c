/**
 * Locks the rows of these batches without waiting, creating `announced` ones for batches nobody has named before, and
 * returns the ids of those it got.
 *
 * Locks: existing rows with SKIP LOCKED in id order. A new row is inserted only under a transaction's advisory lock for
 * its id, or two inserters of one id would wait for each other inside the index, for as long as the first one's
 * transaction lasts. An insert that finds the row there meanwhile does nothing: its batch is tried again.
 *
 * $1 batch ids text[], distinct
 */
export const LOCK_BATCHES = `
with existing as materialized (
  select b.id
  from batches b
  where b.id = any ($1::text[])
  order by b.id
  for update skip locked
), absent as materialized (
  select t.id
  from unnest($1::text[]) as t(id)
  left join lateral (select b.id from batches b where b.id = t.id limit 1) b on true
  where b.id is null
), mine as materialized (
  select id from absent where pg_try_advisory_xact_lock(hashtextextended(id, 0)) order by id
), created as (
  insert into batches (id, state)
  select id, 'announced' from mine order by id
  on conflict (id) do nothing
  returning id
)
select id from existing
union all
select id from created
`;
