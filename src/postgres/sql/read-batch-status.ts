/**
 * Everything the read API tells of a batch, in one snapshot. The completion counts as published when no unpublished
 * outbox row carries its event id any more: published rows are purged, unpublished ones never are.
 *
 * $1 batch id text · $2 event id of its completion text
 */
export const READ_BATCH_STATUS = `
select
  b.state,
  b.expected_count,
  b.open_slots,
  b.filled_count,
  b.failed_count,
  b.version::float8 as version,
  b.registered_at,
  b.completed_at,
  (select count(*) from pending_inputs p where p.batch_id = b.id)::int as pending_count,
  (select count(*) from excess_contents e where e.batch_id = b.id)::int as excess_count,
  not exists (
    select 1
    from outbox o
    where o.published_at is null and position($2::text in o.messages) > 0
  ) as completion_published
from batches b
where b.id = $1
`;
