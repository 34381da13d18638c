/**
 * Unfinished batches by state and pending inputs with the age of the oldest; reads partial indexes and small tables.
 */
export const COUNT_BATCHES = `
select
  (select count(*) from batches where state <> 'complete' and state = 'announced')::int as announced_count,
  (select count(*) from batches where state <> 'complete' and state = 'open')::int as open_count,
  (select count(*) from pending_inputs)::int as pending_count,
  (select coalesce(extract(epoch from now() - min(received_at)), 0) from pending_inputs)::float8 as pending_oldest_age_seconds
`;
