import type { FastifyInstance } from 'fastify';
import { type BatchStatusBody, completionPercentage, type EssayStatusBody } from '../contract/http.ts';
import { isUsableId } from '../contract/text.ts';
import type { BatchStatus, EssayStatus, StatusReader } from '../domain/status.ts';
import { AppError } from '../errors.ts';

/** The read API. Ids are checked before the database sees them. */
export const ID_LENGTH_MAX = 200;

export function addStatusRoutes(server: FastifyInstance, status: StatusReader): void {
  server.get<{ Params: { batch_id: string } }>('/v1/batches/:batch_id/status', async (request) => {
    const batchId = checkedId('batch_id', request.params.batch_id);
    const found = await status.batch(batchId);
    if (found === null) {
      throw new AppError('NOT_FOUND', 'no such batch');
    }
    return batchBody(found);
  });

  server.get<{ Params: { essay_id: string } }>('/v1/essays/:essay_id/status', async (request) => {
    const essayId = checkedId('essay_id', request.params.essay_id);
    const found = await status.essay(essayId);
    if (found === null) {
      throw new AppError('NOT_FOUND', 'no such essay');
    }
    return essayBody(found);
  });
}

function checkedId(name: string, text: string): string {
  if (!isUsableId(text, ID_LENGTH_MAX)) {
    throw new AppError(
      'INVALID_INPUT',
      `${name} must be 1 to ${ID_LENGTH_MAX} characters, without control characters or space at the edges`,
    );
  }
  return text;
}

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
    total_essays: batch.expectedCount ?? 0,
    status_breakdown: { open: batch.openCount, filled: batch.filledCount, failed: batch.failedCount },
    completion_percentage: completionPercentage(batch.expectedCount, batch.openCount),
    completion:
      batch.completion === null ? null : { event_id: batch.completion.eventId, published: batch.completion.published },
  };
}

function essayBody(essay: EssayStatus): EssayStatusBody {
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

function isoTime(timestampMs: number | null): string | null {
  return timestampMs === null ? null : new Date(timestampMs).toISOString();
}
