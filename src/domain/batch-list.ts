/**
 * Which batches there are, in pages: the newest first, or by the beginning of their ids. A page costs what it may hold,
 * not what there is.
 */
import type { BatchState } from './batch-store.ts';
import type { BatchSummary } from './status.ts';

/** Sees the batches of a user and of an organisation, either may be missing. Null: sees all. */
export type Viewer = { readonly userId: string; readonly orgId: string | null } | null;

export interface BatchFilter {
  readonly viewer: Viewer;
  readonly state: BatchState | null;
  readonly userId: string | null;
  readonly courseCode: string | null;
  readonly registeredSinceMs: number | null;
}

export interface BatchItem extends BatchSummary {
  readonly courseCode: string | null;
  readonly userId: string | null;
  readonly orgId: string | null;
}

/** Where a page ended; null where it is the last. */
export interface BatchPage<Position> {
  readonly batches: readonly BatchItem[];
  readonly next: Position | null;
}

/** Registration, or what came first where there is none, in UTC with microseconds. */
export interface TimePosition {
  readonly since: string;
  readonly batchId: string;
}

export interface BatchList {
  newest(filter: BatchFilter, after: TimePosition | null, itemsMax: number): Promise<BatchPage<TimePosition>>;
  /** A page may be shorter than it could be while more follow: it looks at a bounded number of ids. */
  beginningWith(prefix: string, filter: BatchFilter, after: string, itemsMax: number): Promise<BatchPage<string>>;
}
