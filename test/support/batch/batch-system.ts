import type { BatchState } from '../../../src/domain/batch-store.ts';
import type { Disposition, Input } from '../../../src/domain/inputs.ts';

/**
 * Whatever puts inputs into batches: the model that is obviously right, or the product on PostgreSQL. Both answer in the
 * same words, so that one suite runs on both and one can be held against the other.
 */
export interface BatchSystem {
  /**
   * Gives each input of a group its disposition, parallel to the inputs. Registrations come before the other inputs of
   * their group, as the worker does it. Systems with several instances let this one do the work.
   */
  apply(inputs: readonly Input[], instance?: number): Promise<Disposition[]>;
  snapshot(): Promise<Snapshot>;
  /** Forgets everything. */
  reset(): Promise<void>;
}

/** Everything that is left of the inputs, free of instants and of the order of hashes. */
export interface Snapshot {
  /** By id. */
  readonly batches: readonly BatchSnapshot[];
  /** In the order of their outbox rows. */
  readonly events: readonly PublishedEvent[];
}

export interface BatchSnapshot {
  readonly batchId: string;
  readonly state: BatchState;
  readonly expectedCount: number;
  readonly openCount: number;
  readonly filledCount: number;
  readonly failedCount: number;
  readonly version: number;
  /** By position. */
  readonly slots: readonly SlotSnapshot[];
  /** In arrival order. */
  readonly pending: readonly { readonly kind: 'content' | 'failure'; readonly identity: string }[];
  /** Text ids, sorted. */
  readonly excess: readonly string[];
  /** By upload. */
  readonly failures: readonly { readonly fileUploadId: string; readonly essayId: string | null }[];
}

export interface SlotSnapshot {
  readonly essayId: string;
  readonly status: 'open' | 'filled' | 'failed';
  readonly textStorageId: string | null;
  readonly fileUploadId: string | null;
  readonly originalFileName: string | null;
  readonly version: number | null;
}

export type PublishedEvent = {
  readonly batchId: string;
  readonly correlationId: string;
} & (
  | {
      readonly kind: 'slot-assigned';
      readonly essayId: string;
      readonly textStorageId: string;
      readonly fileUploadId: string;
      readonly originalFileName: string;
    }
  | { readonly kind: 'excess'; readonly textStorageId: string; readonly originalFileName: string }
  | {
      readonly kind: 'completed';
      readonly provisionedCount: number;
      readonly expectedCount: number;
      readonly courseCode: string;
      readonly userId: string;
      readonly essays: readonly { readonly essayId: string; readonly textStorageId: string }[];
    }
);

/** An input with what it was told. */
export interface Answered {
  readonly input: Input;
  readonly disposition: Disposition;
}

/** Registrations first, else in order: how the worker takes a group. Positions go with the inputs. */
export function inGroupOrder(inputs: readonly Input[]): { readonly input: Input; readonly index: number }[] {
  const indexed = inputs.map((input, index) => ({ input, index }));
  return [
    ...indexed.filter(({ input }) => input.kind === 'registration'),
    ...indexed.filter(({ input }) => input.kind !== 'registration'),
  ];
}

/** Events whose order is not promised, made comparable. */
export function sortedEvents(events: readonly PublishedEvent[]): PublishedEvent[] {
  const key = (event: PublishedEvent): string => JSON.stringify(event, Object.keys(event).sort());
  return [...events].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

export function pairUp(
  inputs: readonly Answered['input'][],
  dispositions: readonly Answered['disposition'][],
): Answered[] {
  return inputs.map((input, index) => ({ input, disposition: dispositions[index] ?? 'ignored' }));
}

export function kindsOf({ events }: Pick<Snapshot, 'events'>): string[] {
  return events.map(({ kind }) => kind);
}
