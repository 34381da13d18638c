/**
 * Everything the read API tells of a batch, in one snapshot and at a bounded cost: what waits or was too much is counted
 * up to a limit. A completion is published when the outbox row that carries it is, or is purged; null is a row that a
 * build wrote which did not note it, long published by now.
 *
 * $1 batch id text · $2 count up to int
 */
import { batchColumns } from '../batch-row.ts';

export const READ_BATCH_STATUS = `
select${batchColumns('b', '$2')},
  (select count(*) from (select 1 from excess_contents e where e.batch_id = b.id limit $2::int) e)::int as excess_count,
  not exists (
    select 1 from outbox o where o.id = b.completion_outbox_id and o.published_at is null
  ) as completion_published
from batches b
where b.id = $1
`;
