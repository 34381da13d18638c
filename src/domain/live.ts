/**
 * How batches move on. A batch's version is its position: every slot that is taken raises it by one and keeps the number,
 * so what happened between two versions is known from the slots alone, whoever asks, and whenever.
 */
import type { BatchState } from './batch-store.ts';

export interface WatchedBatch {
  readonly batchId: string;
  /** What is known of it: changes above this are asked for. */
  readonly version: number;
  /** '' where it is to be told in any case. */
  readonly state: BatchState | '';
}

export interface SlotChange {
  readonly version: number;
  readonly essayId: string;
  readonly position: number;
  readonly status: 'filled' | 'failed';
  readonly textStorageId: string | null;
  readonly fileUploadId: string | null;
  readonly originalFileName: string | null;
  readonly assignedAtMs: number;
  readonly assignedBy: string | null;
}

export interface BatchProgress {
  readonly batchId: string;
  readonly state: BatchState;
  readonly version: number;
  readonly expectedCount: number;
  readonly openCount: number;
  readonly filledCount: number;
  readonly failedCount: number;
  readonly completedAtMs: number | null;
  /** Above the version that was asked for, in order; some are missing where the batch was erased since. */
  readonly slots: readonly SlotChange[];
}

export interface ProgressReader {
  /** Of those that are not as they are known; each in one consistent state. */
  progress(watched: readonly WatchedBatch[]): Promise<BatchProgress[]>;
}

/** What a gateway says of itself. */
export interface GatewayReport {
  readonly instance: string;
  readonly connections: number;
  readonly watchedBatches: number;
}

/** Which gateways there are, as far as is known; never throws, never waits long. */
export interface GatewayPresence {
  /** Believed for so long. */
  announce(report: GatewayReport, believedMs: number): Promise<void>;
  withdraw(instance: string): Promise<void>;
  /** Undefined where it cannot be known. */
  all(): Promise<readonly GatewayReport[] | undefined>;
}
