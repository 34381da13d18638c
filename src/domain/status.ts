/**
 * What outsiders may ask about a batch and its slots. Read-only and always one consistent snapshot; answers come from
 * the database, never from memory of a process.
 */
import type { BatchState } from './batch-store.ts';

export interface StatusReader {
  /** Null when nothing of this batch was ever seen. */
  batch(batchId: string): Promise<BatchStatus | null>;
  /** Null when no registration gave this essay id. */
  essay(essayId: string): Promise<EssayStatus | null>;
}

/** What is told of a batch, alone or in a list. */
export interface BatchSummary {
  readonly batchId: string;
  readonly state: BatchState;
  /** Null until registered. */
  readonly expectedCount: number | null;
  readonly openCount: number;
  readonly filledCount: number;
  readonly failedCount: number;
  readonly pendingCount: number;
  /** Raised by every change of the batch. */
  readonly version: number;
  readonly registeredAtMs: number | null;
  readonly completedAtMs: number | null;
  /** Since when only this is left of the batch: its retention is over, slots and excess are gone. */
  readonly erasedAtMs: number | null;
}

export interface BatchStatus extends BatchSummary {
  readonly excessCount: number;
  readonly completion: { readonly eventId: string; readonly published: boolean } | null;
}

export interface EssayStatus {
  readonly essayId: string;
  readonly batchId: string;
  readonly status: 'open' | 'filled' | 'failed';
  /** In the registration, from 0. */
  readonly position: number;
  readonly textStorageId: string | null;
  readonly fileUploadId: string | null;
  readonly originalFileName: string | null;
  readonly assignedAtMs: number | null;
  readonly assignedBy: string | null;
  /** Version of the batch at the assignment. */
  readonly batchVersion: number | null;
}
