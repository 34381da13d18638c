/** A row of pending_inputs, and the input that it keeps. */
import type { SlotInput } from '../domain/inputs.ts';

export interface PendingRow {
  batch_id: string;
  kind: 'content' | 'failure';
  identity: string;
  file_upload_id: string;
  original_file_name: string;
  error_code: string | null;
  error_message: string | null;
  correlation_id: string;
  traceparent: string | null;
  tracestate: string | null;
}

export function pendingInput(row: PendingRow): SlotInput {
  const shared = {
    batchId: row.batch_id,
    fileUploadId: row.file_upload_id,
    originalFileName: row.original_file_name,
    correlationId: row.correlation_id,
    traceparent: row.traceparent,
    tracestate: row.tracestate,
  };
  return row.kind === 'content'
    ? { kind: 'content', textStorageId: row.identity, ...shared }
    : { kind: 'failure', errorCode: row.error_code ?? '', errorMessage: row.error_message ?? '', ...shared };
}
