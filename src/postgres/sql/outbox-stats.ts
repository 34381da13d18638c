/** Depth, oldest age and dead rows of the outbox; both counts read the partial index or few rows. */
export const OUTBOX_STATS = `
select
  (select count(*) from outbox where published_at is null and not dead)::int as unpublished_count,
  (select coalesce(extract(epoch from now() - min(created_at)), 0) * 1000
     from outbox where published_at is null and not dead)::float8 as oldest_age_ms,
  (select count(*) from outbox where dead)::int as dead_count
`;
