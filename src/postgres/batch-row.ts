/** What a statement reads of a batch to tell of it, alone or in a list; what waits is counted up to a limit. */
import type { BatchState } from '../domain/batch-store.ts';
import type { BatchSummary } from '../domain/status.ts';

/** Of what waits for a batch; one with more has a trouble that a larger number would not tell better. */
export const COUNT_MAX = 1000;

export interface BatchRow {
  readonly state: BatchState;
  readonly expected_count: number;
  readonly open_slots: number;
  readonly filled_count: number;
  readonly failed_count: number;
  readonly version: number;
  readonly registered_at: Date | null;
  readonly completed_at: Date | null;
  readonly erased_at: Date | null;
  readonly pending_count: number;
}

/** Of the batch under the alias `b`; `countMax` is the parameter of the limit. */
export const batchColumns = (b: string, countMax: string): string => `
  ${b}.state,
  ${b}.expected_count,
  ${b}.open_slots,
  ${b}.filled_count,
  ${b}.failed_count,
  ${b}.version::float8 as version,
  ${b}.registered_at,
  ${b}.completed_at,
  ${b}.erased_at,
  (
    select count(*) from (select 1 from pending_inputs i where i.batch_id = ${b}.id limit ${countMax}::int) i
  )::int as pending_count`;

export function summaryOf(batchId: string, row: BatchRow): BatchSummary {
  return {
    batchId,
    state: row.state,
    expectedCount: row.state === 'announced' ? null : row.expected_count,
    openCount: row.open_slots,
    filledCount: row.filled_count,
    failedCount: row.failed_count,
    pendingCount: row.pending_count,
    version: row.version,
    registeredAtMs: row.registered_at?.getTime() ?? null,
    completedAtMs: row.completed_at?.getTime() ?? null,
    erasedAtMs: row.erased_at?.getTime() ?? null,
  };
}
