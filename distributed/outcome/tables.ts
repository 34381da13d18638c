import { Client } from 'pg';

/**
 * What the service's tables say, as plain rows. The judge reads the tables itself, with SQL of its own, and trusts
 * neither the service's counters nor its API.
 */
export interface Tables {
  readonly batches: readonly BatchRow[];
  readonly slots: readonly SlotRow[];
  readonly pendingInputs: readonly PendingRow[];
  readonly excessContents: readonly ExcessRow[];
  readonly failures: readonly FailureRow[];
  readonly outbox: { readonly unpublished: number; readonly dead: number };
}

export interface BatchRow {
  readonly id: string;
  readonly state: string;
  readonly expectedCount: number;
  readonly openSlots: number;
  readonly filledCount: number;
  readonly failedCount: number;
  readonly version: number;
  readonly correlationId: string | null;
  readonly courseCode: string | null;
  readonly userId: string | null;
  readonly completedAtMs: number | null;
}

export interface SlotRow {
  readonly essayId: string;
  readonly batchId: string;
  readonly position: number;
  readonly status: string;
  readonly textStorageId: string | null;
  readonly fileUploadId: string | null;
  readonly originalFileName: string | null;
  readonly assignedBy: string | null;
  readonly batchVersion: number | null;
}

export interface PendingRow {
  readonly batchId: string;
  readonly kind: string;
  readonly identity: string;
}

export interface ExcessRow {
  readonly batchId: string;
  readonly textStorageId: string;
  readonly originalFileName: string;
}

export interface FailureRow {
  readonly batchId: string;
  readonly fileUploadId: string;
  /** The slot it burnt, null when it burnt none. */
  readonly essayId: string | null;
}

/** One snapshot of all tables. */
export async function readTables(databaseUrl: string): Promise<Tables> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'outcome-check' });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    return {
      batches: (await client.query<BatchRow>(BATCHES)).rows,
      slots: (await client.query<SlotRow>(SLOTS)).rows,
      pendingInputs: (await client.query<PendingRow>(PENDING)).rows,
      excessContents: (await client.query<ExcessRow>(EXCESS)).rows,
      failures: (await client.query<FailureRow>(FAILURES)).rows,
      outbox: (await client.query<Tables['outbox']>(OUTBOX)).rows[0] ?? { unpublished: 0, dead: 0 },
    };
  } finally {
    await client.end();
  }
}

const BATCHES = `
  select id, state, expected_count as "expectedCount", open_slots as "openSlots", filled_count as "filledCount",
         failed_count as "failedCount", version::float8 as "version", correlation_id as "correlationId",
         course_code as "courseCode", user_id as "userId",
         (extract(epoch from completed_at) * 1000)::float8 as "completedAtMs"
    from batches order by id`;

const SLOTS = `
  select essay_id as "essayId", batch_id as "batchId", position, status, text_storage_id as "textStorageId",
         file_upload_id as "fileUploadId", original_file_name as "originalFileName", assigned_by as "assignedBy",
         batch_version::float8 as "batchVersion"
    from slots order by batch_id, position`;

const PENDING = 'select batch_id as "batchId", kind, identity from pending_inputs order by batch_id, identity';

const EXCESS = `
  select batch_id as "batchId", text_storage_id as "textStorageId", original_file_name as "originalFileName"
    from excess_contents order by batch_id, text_storage_id`;

const FAILURES = `
  select batch_id as "batchId", file_upload_id as "fileUploadId", essay_id as "essayId"
    from failures order by batch_id, file_upload_id`;

const OUTBOX = `
  select count(*) filter (where published_at is null and not dead)::int as unpublished,
         count(*) filter (where dead)::int as dead
    from outbox`;
