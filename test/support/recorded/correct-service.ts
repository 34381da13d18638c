/**
 * The least service that does everything right: one input after the other, each in a transaction of its own, leaving
 * the rows, the audit and the events that the real one leaves. Small on purpose: it shares no code with the product.
 */
import type {
  ContentInput,
  FailureInput,
  JudgedInput,
  RegistrationInput,
} from '../../../distributed/judge/evidence/input-records.ts';
import type { TopicRecord } from '../../../distributed/run/records.ts';
import type { TableFile } from '../../../distributed/run/run-directory.ts';
import type { WireMessage } from '../../../src/contract/message.ts';
import { completedMessage, excessMessage, slotAssignedMessage } from '../../../src/contract/outbound.ts';
import { topicsFor } from '../../../src/contract/topics.ts';

// biome-ignore lint/suspicious/noExplicitAny: rows are spoilt in ways no type would allow.
export type Row = Record<string, any>;

const STARTED_AT_MS = Date.UTC(2026, 0, 5, 8, 0);
const INSTANCES = 3;

export class CorrectService {
  readonly tables: Record<TableFile, Row[]> = {
    batches: [],
    slots: [],
    pending_inputs: [],
    excess_contents: [],
    failures: [],
    outbox: [],
    audit: [],
  };
  private readonly publish: (topic: string, message: WireMessage) => void;
  private readonly asked = new Map<string, string>();
  private readonly waiting = new Map<string, (ContentInput | FailureInput)[]>();
  private readonly seen = new Set<string>();
  private messages: WireMessage[] = [];
  private txid = 100;

  constructor(publish: (topic: string, message: WireMessage) => void) {
    this.publish = publish;
  }

  /** False when the input must be set aside. */
  handle(input: JudgedInput, record: TopicRecord): boolean {
    this.txid++;
    const isAccepted = input.kind === 'registration' ? this.register(input, record) : this.take(input);
    this.commit();
    return isAccepted;
  }

  private register(input: RegistrationInput, record: TopicRecord): boolean {
    const { batchId, correlationId, essayIds } = input;
    const known = this.asked.get(batchId);
    if (known !== undefined) return known === input.asked;
    this.asked.set(batchId, input.asked);
    const { data } = JSON.parse(record.value ?? '') as { data: Row };
    const count = essayIds.length;
    const { course_code, user_id, org_id, class_id, student_prompt_ref } = data;
    const registered = { course_code, user_id, org_id, class_id, student_prompt_ref, correlation_id: correlationId };
    const counts = { expected_count: count, open_slots: count, filled_count: 0, failed_count: 0, version: 0 };
    const batch = { id: batchId, state: 'open', ...counts, ...registered, completed_at: null };
    this.tables.batches.push(batch);
    this.audit('batches', 'insert', batchId, batchId, null, stateOfBatch(batch));
    essayIds.forEach((essayId, position) => {
      const empty = { text_storage_id: null, file_upload_id: null, original_file_name: null };
      const open = { status: 'open', assigned_at: null, assigned_by: null, batch_version: null };
      this.tables.slots.push({ essay_id: essayId, batch_id: batchId, position, ...empty, ...open });
    });
    this.audit('slots', 'insert', batchId, null, null, { count });
    for (const waiting of this.waiting.get(batchId) ?? []) this.place(waiting);
    return true;
  }

  private take(input: ContentInput | FailureInput): boolean {
    const identity = `${input.kind} ${input.kind === 'content' ? input.textStorageId : input.fileUploadId}`;
    if (this.seen.has(identity)) return true;
    this.seen.add(identity);
    if (this.asked.has(input.batchId)) this.place(input);
    else this.waiting.set(input.batchId, [...(this.waiting.get(input.batchId) ?? []), input]);
    return true;
  }

  private place(input: ContentInput | FailureInput): void {
    const { batchId, fileUploadId, originalFileName } = input;
    const slot = this.tables.slots.find((row) => row['batch_id'] === batchId && row['status'] === 'open');
    const batch = this.tables.batches.find((row) => row['id'] === batchId);
    if (slot !== undefined && batch !== undefined) this.fill(input, slot, batch);
    const row = { batch_id: batchId, file_upload_id: fileUploadId, original_file_name: originalFileName };
    if (input.kind === 'failure') {
      const error = { error_code: input.errorCode, error_message: input.errorMessage };
      this.tables.failures.push({ ...row, essay_id: slot?.['essay_id'] ?? null, ...error });
      this.audit('failures', 'insert', batchId, fileUploadId, null, { essay_id: slot?.['essay_id'] ?? null });
    } else if (slot === undefined) {
      this.tables.excess_contents.push({ ...row, text_storage_id: input.textStorageId });
      this.audit('excess_contents', 'insert', batchId, input.textStorageId, null, { file_upload_id: fileUploadId });
      this.messages.push(
        excessMessage({ ...this.shared(input), textStorageId: input.textStorageId, originalFileName }),
      );
    }
    if (slot !== undefined && batch?.['open_slots'] === 0) this.complete(batch);
  }

  private fill(input: ContentInput | FailureInput, slot: Row, batch: Row): void {
    const before = [stateOfSlot(slot), stateOfBatch(batch)] as const;
    batch['open_slots']--;
    batch['version']++;
    batch[input.kind === 'content' ? 'filled_count' : 'failed_count']++;
    if (batch['open_slots'] === 0) Object.assign(batch, { state: 'complete', completed_at: this.time() });
    Object.assign(slot, {
      status: input.kind === 'content' ? 'filled' : 'failed',
      text_storage_id: input.kind === 'content' ? input.textStorageId : null,
      file_upload_id: input.fileUploadId,
      original_file_name: input.originalFileName,
      assigned_at: this.time(),
      assigned_by: `worker-${(this.txid % INSTANCES) + 1}`,
      batch_version: batch['version'],
    });
    this.audit('slots', 'update', input.batchId, slot['essay_id'], before[0], stateOfSlot(slot));
    this.audit('batches', 'update', input.batchId, input.batchId, before[1], stateOfBatch(batch));
    if (input.kind === 'failure') return;
    const { textStorageId, fileUploadId, originalFileName } = input;
    const file = { textStorageId, fileUploadId, originalFileName };
    this.messages.push(slotAssignedMessage({ ...this.shared(input), ...file, essayId: slot['essay_id'] }));
  }

  private complete(batch: Row): void {
    const filled = this.tables.slots.filter((row) => row['batch_id'] === batch['id'] && row['status'] === 'filled');
    this.messages.push(
      completedMessage({
        ...this.shared({ batchId: batch['id'], correlationId: batch['correlation_id'] }),
        expectedCount: batch['expected_count'],
        courseCode: batch['course_code'],
        userId: batch['user_id'],
        essays: filled.map((row) => ({ essayId: row['essay_id'], textStorageId: row['text_storage_id'] })),
      }),
    );
  }

  private commit(): void {
    if (this.messages.length === 0) return;
    const id = this.tables.outbox.length + 1;
    const publisher = `worker-${(this.txid % INSTANCES) + 1}`;
    const row = { id, publisher, messages: JSON.stringify(this.messages), published_at: this.time(), dead: false };
    this.tables.outbox.push(row);
    this.audit('outbox', 'insert', null, String(id), null, { publisher, message_count: this.messages.length });
    for (const message of this.messages) this.publish(message.topic, message);
    this.messages = [];
  }

  private shared(input: { readonly batchId: string; readonly correlationId: string }) {
    const { batchId, correlationId } = input;
    return { topics: topicsFor(''), batchId, correlationId, traceparent: null, occurredAtMs: this.nowMs() };
  }

  private audit(
    table: string,
    operation: string,
    batchId: string | null,
    rowId: string | null,
    old: Row | null,
    now: Row,
  ): void {
    const atMs = this.nowMs();
    const times = { at_ms: atMs, statement_at_ms: atMs, committed_at_ms: atMs + 0.5 };
    const place = { table_name: table, operation, batch_id: batchId, row_id: rowId };
    this.tables.audit.push({
      seq: this.tables.audit.length + 1,
      txid: this.txid,
      ...times,
      ...place,
      old,
      new: now,
      pid: 1,
    });
  }

  private nowMs(): number {
    return STARTED_AT_MS + this.txid;
  }

  private time(): string {
    return new Date(this.nowMs()).toISOString();
  }
}

function stateOfSlot({ status, position, text_storage_id, file_upload_id, batch_version, assigned_by }: Row): Row {
  return { status, position, text_storage_id, file_upload_id, batch_version, assigned_by };
}

function stateOfBatch({ state, open_slots, filled_count, failed_count, version }: Row): Row {
  return { state, open_slots, filled_count, failed_count, version };
}
