/** From the domain's words to the wire's, field by field: what is not named here does not leave the process. */
import { type BatchStatusBody, completionPercentage, type EssayStatusBody, isoTime } from '../contract/http.ts';
import type { BatchStatus, EssayStatus } from '../domain/status.ts';

export function batchBody(batch: BatchStatus): BatchStatusBody {
  return {
    batch_id: batch.batchId,
    state: batch.state,
    expected_count: batch.expectedCount,
    open: batch.openCount,
    filled: batch.filledCount,
    failed: batch.failedCount,
    pending: batch.pendingCount,
    excess: batch.excessCount,
    version: batch.version,
    registered_at: isoTime(batch.registeredAtMs),
    completed_at: isoTime(batch.completedAtMs),
    erased_at: isoTime(batch.erasedAtMs),
    total_essays: batch.expectedCount ?? 0,
    status_breakdown: { open: batch.openCount, filled: batch.filledCount, failed: batch.failedCount },
    completion_percentage: completionPercentage(batch.expectedCount, batch.openCount),
    completion:
      batch.completion === null ? null : { event_id: batch.completion.eventId, published: batch.completion.published },
  };
}

export function essayBody(essay: EssayStatus): EssayStatusBody {
  return {
    essay_id: essay.essayId,
    batch_id: essay.batchId,
    status: essay.status,
    current_status: essay.status,
    position: essay.position,
    text_storage_id: essay.textStorageId,
    file_upload_id: essay.fileUploadId,
    original_file_name: essay.originalFileName,
    assigned_at: isoTime(essay.assignedAtMs),
    assigned_by: essay.assignedBy,
    batch_version: essay.batchVersion,
  };
}
