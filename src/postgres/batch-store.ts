/** BatchStore on PostgreSQL: one named statement per method; rows become domain values here and go no further. */
import type {
  AssignedContents,
  Assignment,
  BatchState,
  BatchStore,
  BatchTransaction,
  Claim,
  Completion,
  PendingOutcome,
  RegistrationOutcome,
  RegistrationRecord,
} from '../domain/batch-store.ts';
import { type Content, type Failure, identityOf, type SlotInput } from '../domain/inputs.ts';
import type { OutboundMessage, OutboxRow } from '../domain/ports.ts';
import { assignContents, type ClaimRow, claimColumns, claimOf } from './content-assignment.ts';
import type { Database, Statement, TransactionSession } from './database.ts';
import { type PendingRow, pendingInput } from './pending-row.ts';
import { APPEND_OUTBOX } from './sql/append-outbox.ts';
import { BURN_OPEN } from './sql/burn-open.ts';
import { CLAIM_SLOTS } from './sql/claim-slots.ts';
import { COMPARE_REGISTRATIONS } from './sql/compare-registrations.ts';
import { FIND_KNOWN } from './sql/find-known.ts';
import { FORGET_ANNOUNCED } from './sql/forget-announced.ts';
import { IS_STRANDED } from './sql/is-stranded.ts';
import { LOCK_BATCHES } from './sql/lock-batches.ts';
import { READ_COMPLETIONS } from './sql/read-completions.ts';
import { READ_STATE } from './sql/read-state.ts';
import { RECORD_EXCESS } from './sql/record-excess.ts';
import { RECORD_FAILURES } from './sql/record-failures.ts';
import { RECORD_PENDING } from './sql/record-pending.ts';
import { RECOUNT_BATCH } from './sql/recount-batch.ts';
import { REGISTER_BATCHES } from './sql/register-batches.ts';
import { TAKE_PENDING } from './sql/take-pending.ts';

const statement = (name: string, text: string): Statement => ({ name, text });

const lockBatches = statement('lock-batches', LOCK_BATCHES);
const claimSlots = statement('claim-slots', CLAIM_SLOTS);
const readCompletions = statement('read-completions', READ_COMPLETIONS);
const recordExcess = statement('record-excess', RECORD_EXCESS);
const recordFailures = statement('record-failures', RECORD_FAILURES);
const recordPending = statement('record-pending', RECORD_PENDING);
const takePending = statement('take-pending', TAKE_PENDING);
const compareRegistrations = statement('compare-registrations', COMPARE_REGISTRATIONS);
const registerBatches = statement('register-batches', REGISTER_BATCHES);
const findKnown = statement('find-known', FIND_KNOWN);
const isStranded = statement('is-stranded', IS_STRANDED);
const readState = statement('read-state', READ_STATE);
const burnOpen = statement('burn-open', BURN_OPEN);
const forgetAnnounced = statement('forget-announced', FORGET_ANNOUNCED);
const recountBatch = statement('recount-batch', RECOUNT_BATCH);
const appendOutbox = statement('append-outbox', APPEND_OUTBOX);

export interface BatchStoreOptions {
  readonly instance: string;
  readonly outboxLeaseMs: number;
  /** Early inputs of one batch that are kept; see PENDING_PER_BATCH_MAX. */
  readonly pendingPerBatchMax: number;
}

export class PostgresBatchStore implements BatchStore {
  private readonly database: Database;
  private readonly options: BatchStoreOptions;

  constructor(database: Database, options: BatchStoreOptions) {
    this.database = database;
    this.options = options;
  }

  transaction<T>(work: (tx: BatchTransaction) => Promise<T>): Promise<T> {
    return this.database.transaction((session) => work(new PostgresBatchTransaction(session, this.options)));
  }

  assignContents(contents: readonly Content[], assignment: Assignment): Promise<AssignedContents> {
    return assignContents(this.database, contents, assignment, this.options.outboxLeaseMs);
  }

  async known(inputs: readonly SlotInput[]): Promise<boolean[]> {
    const rows = await this.database.run<{ ord: number }>(findKnown, [
      inputs.map((input) => input.kind),
      inputs.map((input) => input.batchId),
      inputs.map(identityOf),
    ]);
    return flags(rows, inputs.length);
  }
}

class PostgresBatchTransaction implements BatchTransaction {
  private readonly session: TransactionSession;
  private readonly options: BatchStoreOptions;

  constructor(session: TransactionSession, options: BatchStoreOptions) {
    this.session = session;
    this.options = options;
  }

  async lockBatches(batchIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.session.run<{ id: string }>(lockBatches, [batchIds]);
    return new Set(rows.map(({ id }) => id));
  }

  async claimSlots(inputs: readonly SlotInput[], assignedBy: string): Promise<Claim[]> {
    const rows = await this.session.run<ClaimRow>(claimSlots, [...claimColumns(inputs), assignedBy]);
    return rows.map(claimOf);
  }

  async readCompletions(batchIds: readonly string[]): Promise<Completion[]> {
    const rows = await this.session.run<{
      id: string;
      expected_count: number;
      course_code: string;
      user_id: string;
      correlation_id: string;
      traceparent: string | null;
      tracestate: string | null;
      essays: [string, string][] | null;
    }>(readCompletions, [batchIds]);
    return rows.map((row) => ({
      batchId: row.id,
      expectedCount: row.expected_count,
      courseCode: row.course_code,
      userId: row.user_id,
      correlationId: row.correlation_id,
      traceparent: row.traceparent,
      tracestate: row.tracestate,
      essays: (row.essays ?? []).map(([essayId, textStorageId]) => ({ essayId, textStorageId })),
    }));
  }

  async recordExcess(contents: readonly Content[]): Promise<boolean[]> {
    const rows = await this.session.run<{ ord: number }>(recordExcess, [
      contents.map((content) => content.batchId),
      contents.map((content) => content.textStorageId),
      contents.map((content) => content.fileUploadId),
      contents.map((content) => content.originalFileName),
      contents.map((content) => content.correlationId),
    ]);
    return flags(rows, contents.length);
  }

  async recordFailures(failures: readonly { failure: Failure; essayId: string | null }[]): Promise<boolean[]> {
    const rows = await this.session.run<{ ord: number }>(recordFailures, [
      failures.map(({ failure }) => failure.batchId),
      failures.map(({ failure }) => failure.fileUploadId),
      failures.map(({ essayId }) => essayId),
      failures.map(({ failure }) => failure.originalFileName),
      failures.map(({ failure }) => failure.errorCode),
      failures.map(({ failure }) => failure.errorMessage),
      failures.map(({ failure }) => failure.correlationId),
    ]);
    return flags(rows, failures.length);
  }

  async recordPending(inputs: readonly SlotInput[]): Promise<PendingOutcome[]> {
    const rows = await this.session.run<{ outcome: PendingOutcome }>(recordPending, [
      inputs.map((input) => input.batchId),
      inputs.map((input) => input.kind),
      inputs.map(identityOf),
      inputs.map((input) => input.fileUploadId),
      inputs.map((input) => input.originalFileName),
      inputs.map((input) => (input.kind === 'failure' ? input.errorCode : null)),
      inputs.map((input) => (input.kind === 'failure' ? input.errorMessage : null)),
      inputs.map((input) => input.correlationId),
      inputs.map((input) => input.traceparent),
      inputs.map((input) => input.tracestate ?? null),
      this.options.pendingPerBatchMax,
    ]);
    return rows.map(({ outcome }) => outcome);
  }

  async registerBatches(records: readonly RegistrationRecord[]): Promise<RegistrationOutcome[]> {
    const found = await this.session.run<{ id: string; registration_digest: string | null; taken: number }>(
      compareRegistrations,
      [records.map(({ registration }) => registration.batchId), ...essayColumns(records).slice(0, 2)],
    );
    const byBatch = new Map(found.map((row) => [row.id, row]));
    const outcomes = records.map((record): RegistrationOutcome => {
      const row = byBatch.get(record.registration.batchId);
      if (row === undefined) throw new Error(`batch ${record.registration.batchId} is to be registered and has no row`);
      if (row.registration_digest === record.digest) return { kind: 'repeated' };
      if (row.registration_digest !== null) return { kind: 'conflicting', detail: 'batch is registered differently' };
      if (row.taken > 0) {
        return { kind: 'conflicting', detail: `${row.taken} essay ids are slots of another batch` };
      }
      return { kind: 'registered' };
    });
    const fresh = records.filter((_, position) => outcomes[position]?.kind === 'registered');
    if (fresh.length > 0) await this.insertRegistrations(fresh);
    return outcomes;
  }

  async takePending(batchIds: readonly string[], perBatchMax: number): Promise<SlotInput[]> {
    const rows = await this.session.run<PendingRow>(takePending, [batchIds, perBatchMax]);
    return rows.map(pendingInput);
  }

  async isStranded(batchId: string): Promise<boolean> {
    return (await this.session.run(isStranded, [batchId])).length > 0;
  }

  async stateOf(batchId: string): Promise<BatchState> {
    const [row] = await this.session.run<{ state: BatchState }>(readState, [batchId]);
    if (row === undefined) throw new Error(`locked batch ${batchId} has no row`);
    return row.state;
  }

  async burnOpen(batchId: string, assignedBy: string): Promise<number | null> {
    const [row] = await this.session.run<{ count: number }>(burnOpen, [batchId, assignedBy]);
    return row?.count ?? null;
  }

  async forgetAnnounced(batchId: string): Promise<boolean> {
    return (await this.session.run(forgetAnnounced, [batchId])).length > 0;
  }

  async recount(batchId: string): Promise<boolean> {
    const rows = await this.session.run(recountBatch, [batchId]);
    return rows.length > 0;
  }

  async appendOutbox(
    messages: readonly OutboundMessage[],
    completedBatchIds: readonly string[] = [],
    isLast = false,
  ): Promise<OutboxRow> {
    // From before the statement: the lease cannot have begun earlier.
    const heldSinceMs = performance.now();
    const { instance, outboxLeaseMs } = this.options;
    const values = [instance, JSON.stringify(messages), messages.length, outboxLeaseMs, completedBatchIds];
    const { session } = this;
    const [row] = await (isLast
      ? session.runLast<{ id: string }>(appendOutbox, values)
      : session.run<{ id: string }>(appendOutbox, values));
    if (row === undefined) throw new Error('insert into outbox returned no row');
    return { id: row.id, messages, attempts: 0, heldSinceMs, acknowledged: [] };
  }

  private async insertRegistrations(records: readonly RegistrationRecord[]): Promise<void> {
    const registrations = records.map(({ registration }) => registration);
    await this.session.run(registerBatches, [
      registrations.map((registration) => registration.batchId),
      registrations.map((registration) => registration.essayIds.length),
      registrations.map((registration) => registration.courseCode),
      registrations.map((registration) => registration.userId),
      registrations.map((registration) => registration.orgId),
      registrations.map((registration) => registration.classId),
      registrations.map(({ studentPromptRef }) => (studentPromptRef == null ? null : JSON.stringify(studentPromptRef))),
      registrations.map((registration) => registration.correlationId),
      registrations.map((registration) => registration.traceparent),
      records.map((record) => record.digest),
      ...essayColumns(records),
      registrations.map((registration) => registration.tracestate ?? null),
    ]);
  }
}

/** Parallel columns of all slots of all registrations: essay id, batch id, position. */
function essayColumns(records: readonly RegistrationRecord[]): [string[], string[], number[]] {
  const essayIds: string[] = [];
  const batchIds: string[] = [];
  const positions: number[] = [];
  for (const { registration } of records) {
    registration.essayIds.forEach((essayId, position) => {
      essayIds.push(essayId);
      batchIds.push(registration.batchId);
      positions.push(position);
    });
  }
  return [essayIds, batchIds, positions];
}

/** Positions counted from 1 to a parallel array. */
function flags(rows: readonly { ord: number }[], length: number): boolean[] {
  const result = new Array<boolean>(length).fill(false);
  for (const { ord } of rows) result[ord - 1] = true;
  return result;
}
