/** BatchPages on PostgreSQL: one statement a page. */
import type { BatchPages, ExcessItem, FailureItem, SlotItem } from '../domain/pages.ts';
import type { Database } from './database.ts';
import { PAGE_EXCESS } from './sql/page-excess.ts';
import { PAGE_FAILURES } from './sql/page-failures.ts';
import { PAGE_SLOTS } from './sql/page-slots.ts';

export class PostgresBatchPages implements BatchPages {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async slots(batchId: string, afterPosition: number, itemsMax: number): Promise<SlotItem[]> {
    const rows = await this.database.run<{
      essay_id: string;
      position: number;
      status: SlotItem['status'];
      text_storage_id: string | null;
      file_upload_id: string | null;
      original_file_name: string | null;
      assigned_at: Date | null;
      assigned_by: string | null;
      batch_version: number | null;
    }>({ name: 'page-slots', text: PAGE_SLOTS }, [batchId, afterPosition, itemsMax]);
    return rows.map((row) => ({
      essayId: row.essay_id,
      position: row.position,
      status: row.status,
      textStorageId: row.text_storage_id,
      fileUploadId: row.file_upload_id,
      originalFileName: row.original_file_name,
      assignedAtMs: row.assigned_at?.getTime() ?? null,
      assignedBy: row.assigned_by,
      batchVersion: row.batch_version,
    }));
  }

  async excess(batchId: string, afterTextStorageId: string, itemsMax: number): Promise<ExcessItem[]> {
    const rows = await this.database.run<{
      text_storage_id: string;
      file_upload_id: string;
      original_file_name: string;
      recorded_at: Date;
    }>({ name: 'page-excess', text: PAGE_EXCESS }, [batchId, afterTextStorageId, itemsMax]);
    return rows.map((row) => ({
      textStorageId: row.text_storage_id,
      fileUploadId: row.file_upload_id,
      originalFileName: row.original_file_name,
      recordedAtMs: row.recorded_at.getTime(),
    }));
  }

  async failures(batchId: string, afterFileUploadId: string, itemsMax: number): Promise<FailureItem[]> {
    const rows = await this.database.run<{
      file_upload_id: string;
      essay_id: string | null;
      original_file_name: string;
      error_code: string;
      error_message: string;
      recorded_at: Date;
    }>({ name: 'page-failures', text: PAGE_FAILURES }, [batchId, afterFileUploadId, itemsMax]);
    return rows.map((row) => ({
      fileUploadId: row.file_upload_id,
      essayId: row.essay_id,
      originalFileName: row.original_file_name,
      errorCode: row.error_code,
      errorMessage: row.error_message,
      recordedAtMs: row.recorded_at.getTime(),
    }));
  }
}
