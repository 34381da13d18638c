/**
 * Registered batches that look impossible. A guess without locks: the caller looks again under the batch's lock. The
 * advisory lock lets one session at a time look; it ends with the statement. The walk reads the partial index of
 * unfinished batches and probes the open slots of each.
 *
 * $1 batches at most int
 */
export const FIND_STRANDED = `
with turn as materialized (
  select pg_try_advisory_xact_lock(7305118423) as mine
), stranded as (
  select b.id
  from batches b
  where b.state = 'open'
    and b.registered_at < now() - interval '5 seconds'
    and not exists (select 1 from slots s where s.batch_id = b.id and s.status = 'open')
  union
  select p.batch_id
  from pending_inputs p
  join batches b on b.id = p.batch_id
  where b.state <> 'announced'
)
select s.id from stranded s where (select mine from turn) limit $1::int
`;
