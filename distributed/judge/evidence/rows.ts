/** Rows of the dumped tables and of the harness's audit, as the checkers use them. Parsed, never cast. */
import { z } from 'zod';

const text = z.string().nullable();

export const batchRow = z
  .object({
    id: z.string(),
    state: z.string(),
    expected_count: z.number(),
    open_slots: z.number(),
    filled_count: z.number(),
    failed_count: z.number(),
    version: z.number(),
    course_code: text,
    user_id: text,
    org_id: text,
    class_id: text,
    student_prompt_ref: z.unknown(),
    correlation_id: text,
    completed_at: text,
  })
  .transform((row) => ({
    id: row.id,
    state: row.state,
    counters: [row.expected_count, row.open_slots, row.filled_count, row.failed_count] as const,
    version: row.version,
    courseCode: row.course_code,
    userId: row.user_id,
    orgId: row.org_id,
    classId: row.class_id,
    promptRef: row.student_prompt_ref ?? null,
    correlationId: row.correlation_id,
    completedAtMs: row.completed_at === null ? null : Date.parse(row.completed_at),
  }));
export type BatchRow = z.infer<typeof batchRow>;

export const slotRow = z
  .object({
    essay_id: z.string(),
    batch_id: z.string(),
    position: z.number(),
    status: z.string(),
    text_storage_id: text,
    file_upload_id: text,
    original_file_name: text,
    assigned_at: text,
    assigned_by: text,
    batch_version: z.number().nullable(),
  })
  .transform((row) => ({
    essayId: row.essay_id,
    batchId: row.batch_id,
    position: row.position,
    status: row.status,
    textStorageId: row.text_storage_id,
    fileUploadId: row.file_upload_id,
    originalFileName: row.original_file_name,
    assignedAtMs: row.assigned_at === null ? null : Date.parse(row.assigned_at),
    assignedBy: row.assigned_by,
    batchVersion: row.batch_version,
  }));
export type SlotRow = z.infer<typeof slotRow>;

export const excessRow = z
  .object({
    batch_id: z.string(),
    text_storage_id: z.string(),
    file_upload_id: z.string(),
    original_file_name: z.string(),
  })
  .transform((row) => ({
    batchId: row.batch_id,
    textStorageId: row.text_storage_id,
    fileUploadId: row.file_upload_id,
    originalFileName: row.original_file_name,
  }));
export type ExcessRow = z.infer<typeof excessRow>;

export const failureRow = z
  .object({
    batch_id: z.string(),
    file_upload_id: z.string(),
    essay_id: text,
    original_file_name: z.string(),
    error_code: z.string(),
    error_message: z.string(),
  })
  .transform((row) => ({
    batchId: row.batch_id,
    fileUploadId: row.file_upload_id,
    /** The slot it burnt, null when it burnt none. */
    essayId: row.essay_id,
    originalFileName: row.original_file_name,
    errorCode: row.error_code,
    errorMessage: row.error_message,
  }));
export type FailureRow = z.infer<typeof failureRow>;

export const pendingRow = z
  .object({ batch_id: z.string(), kind: z.enum(['content', 'failure']), identity: z.string() })
  .transform((row) => ({ batchId: row.batch_id, kind: row.kind, identity: row.identity }));
export type PendingRow = z.infer<typeof pendingRow>;

export const outboxRow = z
  .object({
    id: z.number(),
    publisher: z.string(),
    messages: z.string(),
    published_at: text,
    dead: z.boolean(),
  })
  .transform((row) => ({
    id: row.id,
    publisher: row.publisher,
    messages: row.messages,
    isPublished: row.published_at !== null,
    isDead: row.dead,
  }));

const state = z.record(z.string(), z.unknown()).nullable();

/** One change that was committed, as a trigger of the harness saw it. `seq` is the order within a batch. */
export const auditEntry = z
  .object({
    seq: z.number(),
    txid: z.number(),
    at_ms: z.number(),
    statement_at_ms: z.number(),
    committed_at_ms: z.number().nullable(),
    table_name: z.string(),
    operation: z.enum(['insert', 'update', 'delete', 'truncate']),
    batch_id: text,
    row_id: text,
    old: state,
    new: state,
    pid: z.number(),
  })
  .transform((row) => ({
    seq: row.seq,
    txid: row.txid,
    atMs: row.at_ms,
    statementAtMs: row.statement_at_ms,
    committedAtMs: row.committed_at_ms,
    table: row.table_name,
    operation: row.operation,
    batchId: row.batch_id,
    rowId: row.row_id,
    old: row.old,
    new: row.new,
    pid: row.pid,
  }));
export type AuditEntry = z.infer<typeof auditEntry>;
