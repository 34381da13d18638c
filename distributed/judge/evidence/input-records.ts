/**
 * Reads what lies in the input topics the judge's own way: by the contract's schemas and the rules of the contract's
 * text, never by the service's decoder. Every record is exactly one of valid, ignored (must leave no trace) or invalid
 * (must lie in the dead-letter topic). Pure, never throws.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { derivedCorrelationId } from '../../../src/contract/event-id.ts';
import { inboundSchemas } from '../../../src/contract/inbound.ts';
import { EVENT_TYPES } from '../../../src/contract/topics.ts';
import type { TopicRecord } from '../../run/records.ts';
import { decodeTopicRecord } from '../../run/topic-record.ts';

/** Of the contract, in no setting. */
const DEPTH_MAX = 32;
const ID_LENGTH_MAX = 200;

/** Where a record lies, and when the broker says it came. */
export interface RecordAddress {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
}

interface ValidInput extends RecordAddress {
  readonly eventId: string;
  readonly batchId: string;
  readonly correlationId: string;
}

export interface RegistrationInput extends ValidInput {
  readonly kind: 'registration';
  readonly essayIds: readonly string[];
  /** Equal for registrations that ask for the same. */
  readonly asked: string;
}

export interface ContentInput extends ValidInput {
  readonly kind: 'content';
  readonly textStorageId: string;
  readonly fileUploadId: string;
  readonly originalFileName: string;
}

export interface FailureInput extends ValidInput {
  readonly kind: 'failure';
  readonly fileUploadId: string;
  readonly originalFileName: string;
  readonly errorCode: string;
  readonly errorMessage: string;
}

export type JudgedInput = RegistrationInput | ContentInput | FailureInput;

export interface LooseInput extends RecordAddress {
  readonly kind: 'ignored' | 'invalid';
  readonly why: string;
}

/** What a worker is set to accept. */
export interface InputLimits {
  readonly slotsMax: number;
  readonly valueBytesMax: number;
  /** Inputs that are kept for a batch that is not registered yet. */
  readonly pendingPerBatchMax: number;
}

/** As the run says that its workers were set, the service's documented defaults for all else. */
export function inputLimitsOf(options: Readonly<Record<string, unknown>>): InputLimits {
  const env = workerEnv.parse(options['workerEnv'] ?? {});
  return {
    slotsMax: env.SLOTS_MAX,
    valueBytesMax: env.VALUE_BYTES_MAX,
    pendingPerBatchMax: env.PENDING_PER_BATCH_MAX,
  };
}

const workerEnv = z.object({
  SLOTS_MAX: z.coerce.number().default(10_000),
  VALUE_BYTES_MAX: z.coerce.number().default(1024 * 1024),
  PENDING_PER_BATCH_MAX: z.coerce.number().default(20_000),
});

export type InputReader = (record: TopicRecord) => JudgedInput | LooseInput;

export function inputReaderOf(limits: InputLimits): InputReader {
  const schemas = inboundSchemas({ idLengthMax: ID_LENGTH_MAX, slotsMax: limits.slotsMax });
  return (record) => {
    const { topic, partition, offset, timestampMs } = record;
    const address = { topic, partition, offset, timestampMs };
    const { value } = record;
    if (value === null || value === '') return { ...address, kind: 'ignored', why: 'no value' };
    const fault = faultOf(record, value, limits);
    if (fault !== null) return { ...address, kind: 'invalid', why: fault };
    const parsed = parseJson(record.encoding === 'base64' ? textOf(record) : value);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
      return { ...address, kind: 'invalid', why: 'not a JSON object' };
    }
    const envelope = schemas.envelope.safeParse(parsed);
    if (!envelope.success) return { ...address, kind: 'invalid', why: 'envelope' };
    return readPayload(schemas, address, envelope.data);
  };
}

/** Of key and value: a dead letter must have the same as its original. */
export function bytesDigest(record: TopicRecord): string {
  const { key, value } = decodeTopicRecord(record);
  const hash = createHash('sha256').update(key === null ? 'none' : `${key.length}:`);
  return hash
    .update(key ?? '')
    .update(value === null ? 'none' : 'value')
    .update(value ?? '')
    .digest('base64');
}

/** What makes two registrations the same: the set of slots, the course, the people and the prompt. */
export function askedOf(registration: {
  readonly essayIds: readonly string[];
  readonly courseCode: unknown;
  readonly userId: unknown;
  readonly orgId: unknown;
  readonly classId: unknown;
  readonly promptRef: unknown;
}): string {
  const { essayIds, courseCode, userId, orgId, classId, promptRef } = registration;
  const people = [courseCode, userId, orgId ?? null, classId ?? null].map((id) => JSON.stringify(id)).join();
  const hash = createHash('sha256')
    .update(people)
    .update(inOneOrder(promptRef ?? null));
  for (const id of [...essayIds].sort()) hash.update('\n').update(id);
  return hash.digest('base64');
}

export function addressOf(record: Pick<RecordAddress, 'topic' | 'partition' | 'offset'>): string {
  return `${record.topic}/${record.partition}@${record.offset}`;
}

function readPayload(schemas: Schemas, address: RecordAddress, envelope: Envelope): JudgedInput | LooseInput {
  const eventId = envelope.event_id ?? `${address.topic}/${address.partition}/${address.offset}`;
  const outer = envelope.correlation_id ?? derivedCorrelationId(eventId);
  const invalid = { ...address, kind: 'invalid' as const, why: 'payload' };
  switch (envelope.event_type) {
    case EVENT_TYPES.registration: {
      const { success, data } = schemas.registration.safeParse(envelope.data);
      if (!success) return invalid;
      const { entity_id: batchId, essay_ids: essayIds, course_code: courseCode, user_id: userId } = data;
      const { org_id: orgId, class_id: classId, student_prompt_ref: promptRef } = data;
      const asked = askedOf({ essayIds, courseCode, userId, orgId, classId, promptRef });
      return { ...address, kind: 'registration', eventId, batchId, correlationId: outer, essayIds, asked };
    }
    case EVENT_TYPES.content: {
      const { success, data } = schemas.content.safeParse(envelope.data);
      if (!success) return invalid;
      const correlationId = data.correlation_id ?? outer;
      const { text_storage_id: textStorageId, file_upload_id: fileUploadId } = data;
      const file = { textStorageId, fileUploadId, originalFileName: data.original_file_name };
      return { ...address, kind: 'content', eventId, batchId: data.entity_id, correlationId, ...file };
    }
    case EVENT_TYPES.failure: {
      const { success, data } = schemas.failure.safeParse(envelope.data);
      if (!success) return invalid;
      const correlationId = data.correlation_id ?? outer;
      const file = { fileUploadId: data.file_upload_id, originalFileName: data.original_file_name };
      const error = { errorCode: data.validation_error_code, errorMessage: data.validation_error_detail.message };
      return { ...address, kind: 'failure', eventId, batchId: data.entity_id, correlationId, ...file, ...error };
    }
    default:
      return { ...address, kind: 'ignored', why: 'unknown event type' };
  }
}

type Schemas = ReturnType<typeof inboundSchemas>;

type Envelope = ReturnType<Schemas['envelope']['parse']>;

/** Key or value are not text: only then the value is, or is not. */
function textOf(record: TopicRecord): string {
  return decodeTopicRecord(record).value?.toString('utf8') ?? '';
}

function faultOf(record: TopicRecord, value: string, { valueBytesMax }: InputLimits): string | null {
  const bytes = record.encoding === 'base64' ? decodeTopicRecord(record).value : null;
  if ((bytes?.length ?? Buffer.byteLength(value)) > valueBytesMax) return 'too large';
  if (bytes !== null && !isUtf8(bytes)) return 'not UTF-8';
  return depthOf(bytes?.toString('utf8') ?? value) > DEPTH_MAX ? 'too deep' : null;
}

/** Deepest nesting of brackets outside strings; of text that is not JSON it is some number. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) isString = false;
    } else if (code === QUOTE) isString = true;
    else if (code === BRACE || code === BRACKET) deepest = Math.max(deepest, ++depth);
    else if (code === BRACE_END || code === BRACKET_END) depth--;
  }
  return deepest;
}

const [QUOTE, BACKSLASH, BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d];

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function inOneOrder(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inOneOrder).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${inOneOrder(member)}`);
  return `{${members.sort().join()}}`;
}
