import type { Disposition } from '../../domain/inputs.ts';
import type { DeadLetterReason, InboundRecord } from '../../domain/ports.ts';

/** What became of one record of a group: done for good, or to be tried again later (its offset stays). */
export type Resolution =
  | { readonly kind: 'resolved'; readonly disposition: Disposition }
  | { readonly kind: 'retry'; readonly error: Error };

/** Resolves records: parses, decides, stores, sets aside. Never rejects; failures are `retry` resolutions. */
export interface GroupHandler {
  /** Resolutions are parallel to the records. */
  handle(records: readonly InboundRecord[]): Promise<Resolution[]>;
  /** Sends one record to its dead-letter topic unparsed. */
  setAside(record: InboundRecord, reason: DeadLetterReason, detail: string, attempts: number): Promise<Resolution>;
}
