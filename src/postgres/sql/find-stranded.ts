/**
 * Registered batches with inputs pending behind their registration, among the next ones that have pending inputs at
 * all. Skips from batch to batch in the index, whatever number of inputs waits for each. One that its registration is
 * still draining is none of them, unless that takes too long. A guess without locks, as in find-full. Returns the suspects and the batch to go on after, null at the end of the walk.
 *
 * $1 id of the batch where the last stretch ended text · $2 batches at most int
 */
export const FIND_STRANDED = `
with recursive walked as (
  (
    select p.batch_id, 1 as rank from pending_inputs p where p.batch_id > $1::text order by p.batch_id limit 1
  )
  union all
  select n.batch_id, w.rank + 1
  from walked w
  cross join lateral (
    select p.batch_id from pending_inputs p where p.batch_id > w.batch_id order by p.batch_id limit 1
  ) n
  where w.rank < $2::int
), suspect as (
  select w.batch_id
  from walked w
  cross join lateral (
    select b.state, b.draining, b.registered_at from batches b where b.id = w.batch_id limit 1
  ) b
  where b.state <> 'announced'
    and not (b.draining and b.registered_at > now() - interval '1 minute')
)
select
  array(select batch_id from suspect) as suspects,
  (select batch_id from walked where rank = $2::int) as next_id
`;
