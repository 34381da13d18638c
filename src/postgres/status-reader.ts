/** StatusReader on PostgreSQL: one statement, one snapshot per answer. */
import { outboundEventId } from '../contract/event-id.ts';
import { EVENT_TYPES } from '../contract/topics.ts';
import type { BatchStatus, EssayStatus, StatusReader } from '../domain/status.ts';
import { type BatchRow, COUNT_MAX, summaryOf } from './batch-row.ts';
import type { Database } from './database.ts';
import { READ_BATCH_STATUS } from './sql/read-batch-status.ts';
import { READ_ESSAY_STATUS } from './sql/read-essay-status.ts';

export class PostgresStatusReader implements StatusReader {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async batch(batchId: string): Promise<BatchStatus | null> {
    const [row] = await this.database.run<BatchRow & { excess_count: number; completion_published: boolean }>(
      { name: 'read-batch-status', text: READ_BATCH_STATUS },
      [batchId, COUNT_MAX],
    );
    if (row === undefined) return null;
    const eventId = outboundEventId(batchId, EVENT_TYPES.completed, '');
    return {
      ...summaryOf(batchId, row),
      excessCount: row.excess_count,
      completion: row.state === 'complete' ? { eventId, published: row.completion_published } : null,
    };
  }

  async essay(essayId: string): Promise<EssayStatus | null> {
    const [row] = await this.database.run<{
      essay_id: string;
      batch_id: string;
      position: number;
      status: EssayStatus['status'];
      text_storage_id: string | null;
      file_upload_id: string | null;
      original_file_name: string | null;
      assigned_at: Date | null;
      assigned_by: string | null;
      batch_version: number | null;
    }>({ name: 'read-essay-status', text: READ_ESSAY_STATUS }, [essayId]);
    if (row === undefined) return null;
    return {
      essayId: row.essay_id,
      batchId: row.batch_id,
      status: row.status,
      position: row.position,
      textStorageId: row.text_storage_id,
      fileUploadId: row.file_upload_id,
      originalFileName: row.original_file_name,
      assignedAtMs: row.assigned_at?.getTime() ?? null,
      assignedBy: row.assigned_by,
      batchVersion: row.batch_version,
    };
  }
}
