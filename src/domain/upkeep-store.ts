/**
 * What one instance does for all, beside the road: looks for what should be impossible, counts what is unfinished,
 * erases what is old. Every call costs what its bound says, whatever there is and ever was. Methods throw retryable
 * AppErrors.
 */
export interface UpkeepStore {
  /** Takes or keeps the turn, until it lapses; false where another instance has it. */
  takeTurn(turn: Turn, lapseMs: number): Promise<boolean>;
  /** The next stretch of open batches without an open slot. A guess: to be looked at again under the batch's lock. */
  findFull(from: AgeCursor | null, batchesMax: number): Promise<Stretch<AgeCursor>>;
  /** The next stretch of batches with inputs pending behind their registration. A guess, too. */
  findStranded(from: string | null, batchesMax: number): Promise<Stretch<string>>;
  counts(): Promise<BatchCounts>;
  /** Makes tombstones of batches that completed longer ago and whose completion is published; returns how many. */
  markErased(ageMs: number, batchesMax: number): Promise<number>;
  /** Deletes rows of one tombstone; returns how many, null when none is left to erase. */
  eraseRows(rowsMax: number): Promise<number | null>;
}

export type Turn = 'reconcile' | 'count' | 'erase';

/** A place among batches of one state, ordered by age. `since` is an instant as the database writes it, in full precision. */
export interface AgeCursor {
  readonly since: string;
  readonly batchId: string;
}

export interface Stretch<Cursor> {
  readonly batchIds: readonly string[];
  /** Where the next stretch begins; null at the end of the walk. */
  readonly next: Cursor | null;
}

/** A batch that is announced or open, as an operator sees it in a list. */
export interface UnfinishedBatch {
  readonly batchId: string;
  readonly state: 'announced' | 'open';
  /** Since the registration, or since something of it came first. */
  readonly ageSeconds: number;
  readonly userId: string | null;
  readonly orgId: string | null;
  readonly expectedCount: number;
  readonly openCount: number;
  readonly filledCount: number;
  readonly failedCount: number;
  readonly pendingCount: number;
}

/** Counted up to COUNT_MAX; ages are 0 where there is none. Completed batches are not counted: there is no bound to them. */
export interface BatchCounts {
  readonly announcedCount: number;
  readonly openCount: number;
  readonly pendingCount: number;
  readonly announcedOldestAgeSeconds: number;
  readonly openOldestAgeSeconds: number;
  readonly pendingOldestAgeSeconds: number;
}

/** Beyond it a larger number would not tell the trouble any better. */
export const COUNT_MAX = 10_000;
