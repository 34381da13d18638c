/**
 * The tables of batches, behind transactions (READ COMMITTED). The worker decides between the statements; a
 * statement does one kind of change for a whole group. Any method may throw a retryable AppError (CONFLICT,
 * UNAVAILABLE), after which the transaction is void.
 */
import type { Content, Failure, Registration, SlotInput } from './inputs.ts';
import type { OutboundMessage, OutboxRow } from './ports.ts';

export interface BatchStore {
  /** Commits when `work` resolves, rolls back when it rejects. */
  transaction<T>(work: (tx: BatchTransaction) => Promise<T>): Promise<T>;
  /**
   * Claims slots for contents, counts them and writes the events to the outbox, completions included, all in one step
   * that commits by itself. What got no slot stays as it was, and its claim says what it met. Identities must be
   * distinct within the call; at most CLAIM_INPUTS_MAX.
   */
  assignContents(contents: readonly Content[], assignment: Assignment): Promise<AssignedContents>;
  /** Read-only: which of these inputs already have a disposition. Parallel to the inputs. */
  known(inputs: readonly SlotInput[]): Promise<boolean[]>;
}

/** What the events of one assignment share. */
export interface Assignment {
  readonly topics: { readonly slotAssigned: string; readonly completed: string };
  readonly occurredAtMs: number;
  readonly assignedBy: string;
}

export interface AssignedContents {
  /** Parallel to the contents. */
  readonly claims: Claim[];
  readonly rows: OutboxRow[];
}

export interface BatchTransaction {
  /**
   * Locks the rows of these batches, creating `announced` rows for unknown ones, and answers which it got: a row that
   * somebody else holds is not waited for. A statement of its own, so that the next one sees what former holders
   * committed.
   */
  lockBatches(batchIds: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Locks the batches of these inputs, as far as nobody else holds them, and gives each new input one open slot of its
   * batch: a content fills it, a failure burns it. Waits for nobody. Identities must be distinct within the call. At
   * most CLAIM_INPUTS_MAX inputs.
   */
  claimSlots(inputs: readonly SlotInput[], assignedBy: string): Promise<Claim[]>;
  /** Of batches that just reached zero open slots: what their completion lists. */
  readCompletions(batchIds: readonly string[]): Promise<Completion[]>;
  /** Each records what is new and answers, parallel to the argument, whether it was. */
  recordExcess(contents: readonly Content[]): Promise<boolean[]>;
  recordFailures(failures: readonly { failure: Failure; essayId: string | null }[]): Promise<boolean[]>;
  /** The same for inputs of locked batches, each of which keeps so many and no more. */
  recordPending(inputs: readonly SlotInput[]): Promise<PendingOutcome[]>;
  /** Registers locked batches with their slots; answers per registration. Batch ids distinct within the call. */
  registerBatches(registrations: readonly RegistrationRecord[]): Promise<RegistrationOutcome[]>;
  /** Removes and returns the first pending inputs of these locked batches, in arrival order. */
  takePending(batchIds: readonly string[], perBatchMax: number): Promise<SlotInput[]>;
  /** Whether inputs are pending behind the registration of a locked batch. */
  isStranded(batchId: string): Promise<boolean>;
  /** Sets a locked, open batch's counters from its slots; true when that completed it. */
  recount(batchId: string): Promise<boolean>;
  /** Of a locked batch. */
  stateOf(batchId: string): Promise<BatchState>;
  /** Burns all open slots of a locked, open batch, which completes it; returns how many, null when it is not open. */
  burnOpen(batchId: string, assignedBy: string): Promise<number | null>;
  /** Forgets a locked batch that was never registered and for which nothing waits; true when it did. */
  forgetAnnounced(batchId: string): Promise<boolean>;
  /**
   * One row for all messages of the transaction; the writer holds its lease until the relay has published it. The
   * batches whose completion is among them remember the row. Last: nothing follows, and the row is committed when this
   * resolves.
   */
  appendOutbox(
    messages: readonly OutboundMessage[],
    completedBatchIds?: readonly string[],
    isLast?: boolean,
  ): Promise<OutboxRow>;
}

/** full: so many wait for the batch already that this one is not kept. */
export type PendingOutcome = 'recorded' | 'repeated' | 'full';

export const CLAIM_INPUTS_MAX = 500;

export interface RegistrationRecord {
  readonly registration: Registration;
  /** Hex digest of what makes two registrations the same. */
  readonly digest: string;
}

export type RegistrationOutcome =
  | { readonly kind: 'registered' }
  | { readonly kind: 'repeated' }
  | { readonly kind: 'conflicting'; readonly detail: string };

/** What one input met. */
export interface Claim {
  /** The slot taken or burnt, null when none was. */
  readonly essayId: string | null;
  /** Version of the batch after this change; null when no slot was taken. */
  readonly batchVersion: number | null;
  /** The identity is settled already: its content is in a slot, its failure recorded, or its batch erased. */
  readonly known: boolean;
  /** A failure whose upload already fills a slot: it burns nothing. */
  readonly uploadAssigned: boolean;
  /** With this claim's own changes; null when there is no such batch. */
  readonly batchState: BatchState | null;
  /** Of the batch, without this claim's own changes; null when there is no such batch. */
  readonly versionSeen: number | null;
  /**
   * The batch row is locked by this transaction and has not changed since the statement's snapshot was taken, so what
   * it shows of the batch is so, and stays so until the commit. Without it, only what never changes again is certain: a
   * settled identity, a complete batch.
   */
  readonly isCertain: boolean;
}

export type BatchState = 'announced' | 'open' | 'complete';

export interface Completion {
  readonly batchId: string;
  readonly expectedCount: number;
  readonly courseCode: string;
  readonly userId: string;
  readonly correlationId: string;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  /** Exactly the filled slots, by position. */
  readonly essays: readonly { readonly essayId: string; readonly textStorageId: string }[];
}
