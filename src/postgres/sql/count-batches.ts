/**
 * Unfinished batches by state and pending inputs, counted up to a limit, with the age of the oldest of each. Reads the
 * ends of partial indexes, and entries of them up to the limit, whatever there is.
 *
 * $1 count up to int
 */
export const COUNT_BATCHES = `
select
  (select count(*) from (
     select 1 from batches where state <> 'complete' and state = 'announced' limit $1::int
   ) b)::int as announced_count,
  (select count(*) from (
     select 1 from batches where state <> 'complete' and state = 'open' limit $1::int
   ) b)::int as open_count,
  (select count(*) from (select 1 from pending_inputs limit $1::int) p)::int as pending_count,
  coalesce(extract(epoch from now() - (
    select coalesce(registered_at, announced_at)
    from batches
    where state <> 'complete' and state = 'announced'
    order by state, coalesce(registered_at, announced_at), id
    limit 1
  )), 0)::float8 as announced_oldest_age_seconds,
  coalesce(extract(epoch from now() - (
    select coalesce(registered_at, announced_at)
    from batches
    where state <> 'complete' and state = 'open'
    order by state, coalesce(registered_at, announced_at), id
    limit 1
  )), 0)::float8 as open_oldest_age_seconds,
  coalesce(extract(epoch from now() - (
    select received_at from pending_inputs order by received_at limit 1
  )), 0)::float8 as pending_oldest_age_seconds
`;
