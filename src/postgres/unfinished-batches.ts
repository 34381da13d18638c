/** Lists unfinished batches on PostgreSQL, page by page: what a page costs does not depend on how many there are. */
import type { AgeCursor, UnfinishedBatch } from '../domain/upkeep-store.ts';
import type { Database } from './database.ts';
import { LIST_BATCHES } from './sql/list-batches.ts';

/** Of what waits for a batch. */
const COUNT_MAX = 10_000;

export interface BatchPageOptions {
  readonly state: UnfinishedBatch['state'];
  readonly ageMsMin: number;
  readonly after: AgeCursor | null;
  readonly batchesMax: number;
}

export async function listBatches(
  database: Database,
  options: BatchPageOptions,
): Promise<(UnfinishedBatch & { readonly since: string })[]> {
  const { state, ageMsMin, after, batchesMax } = options;
  const rows = await database.run<{
    id: string;
    state: UnfinishedBatch['state'];
    since: string;
    age_seconds: number;
    user_id: string | null;
    org_id: string | null;
    expected_count: number;
    open_slots: number;
    filled_count: number;
    failed_count: number;
    pending_count: number;
  }>({ name: 'list-batches', text: LIST_BATCHES }, [
    state,
    ageMsMin,
    after?.since ?? '-infinity',
    after?.batchId ?? '',
    batchesMax,
    COUNT_MAX,
  ]);
  return rows.map((row) => ({
    batchId: row.id,
    state: row.state,
    since: row.since,
    ageSeconds: row.age_seconds,
    userId: row.user_id,
    orgId: row.org_id,
    expectedCount: row.expected_count,
    openCount: row.open_slots,
    filledCount: row.filled_count,
    failedCount: row.failed_count,
    pendingCount: row.pending_count,
  }));
}
