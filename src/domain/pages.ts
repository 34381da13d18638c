/** What a batch holds, in pages: each begins behind the last item of the one before, so none costs more than the first. */

export interface SlotItem {
  readonly essayId: string;
  readonly position: number;
  readonly status: 'open' | 'filled' | 'failed';
  readonly textStorageId: string | null;
  readonly fileUploadId: string | null;
  readonly originalFileName: string | null;
  readonly assignedAtMs: number | null;
  readonly assignedBy: string | null;
  readonly batchVersion: number | null;
}

export interface ExcessItem {
  readonly textStorageId: string;
  readonly fileUploadId: string;
  readonly originalFileName: string;
  readonly recordedAtMs: number;
}

export interface FailureItem {
  readonly fileUploadId: string;
  /** The slot it burnt, if any. */
  readonly essayId: string | null;
  readonly originalFileName: string;
  readonly errorCode: string;
  readonly errorMessage: string;
  readonly recordedAtMs: number;
}

/** Empty for a batch that is not there. */
export interface BatchPages {
  /** By position, those above it; from -1. */
  slots(batchId: string, afterPosition: number, itemsMax: number): Promise<SlotItem[]>;
  /** By text, those behind it; from ''. */
  excess(batchId: string, afterTextStorageId: string, itemsMax: number): Promise<ExcessItem[]>;
  /** By upload, those behind it; from ''. */
  failures(batchId: string, afterFileUploadId: string, itemsMax: number): Promise<FailureItem[]>;
}
