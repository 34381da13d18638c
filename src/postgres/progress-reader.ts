/** ProgressReader on PostgreSQL: one statement for all that is watched. */
import type { BatchState } from '../domain/batch-store.ts';
import type { BatchProgress, ProgressReader, SlotChange, WatchedBatch } from '../domain/live.ts';
import type { Database } from './database.ts';
import { READ_PROGRESS } from './sql/read-progress.ts';

type SlotRow = [
  version: number,
  essayId: string,
  position: number,
  status: SlotChange['status'],
  textStorageId: string | null,
  fileUploadId: string | null,
  originalFileName: string | null,
  assignedAt: string,
  assignedBy: string | null,
];

export class PostgresProgressReader implements ProgressReader {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async progress(watched: readonly WatchedBatch[]): Promise<BatchProgress[]> {
    const rows = await this.database.run<{
      id: string;
      state: BatchState;
      version: number;
      expected_count: number;
      open_slots: number;
      filled_count: number;
      failed_count: number;
      completed_at: Date | null;
      slots: SlotRow[];
    }>({ name: 'read-progress', text: READ_PROGRESS }, [
      watched.map(({ batchId }) => batchId),
      watched.map(({ version }) => version),
      watched.map(({ state }) => state),
    ]);
    return rows.map((row) => ({
      batchId: row.id,
      state: row.state,
      version: row.version,
      expectedCount: row.expected_count,
      openCount: row.open_slots,
      filledCount: row.filled_count,
      failedCount: row.failed_count,
      completedAtMs: row.completed_at?.getTime() ?? null,
      slots: row.slots.map(changeOf),
    }));
  }
}

function changeOf(row: SlotRow): SlotChange {
  const [version, essayId, position, status, textStorageId, fileUploadId, originalFileName, assignedAt, assignedBy] =
    row;
  const assignedAtMs = Date.parse(assignedAt);
  return {
    version,
    essayId,
    position,
    status,
    textStorageId,
    fileUploadId,
    originalFileName,
    assignedAtMs,
    assignedBy,
  };
}
