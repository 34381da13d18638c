/**
 * Turns a record into an input, or says why not. Pure, never throws, and every record has exactly one outcome.
 * Routing is by `event_type`: neither the record's topic nor its key is trusted. Every value of an input is copied
 * field by field from the parsed text, so nothing a producer adds (`__proto__` included) travels further. Of a key
 * that stands twice in an object the last one counts, as JSON.parse has it. A detail names fields and faults, never
 * quotes the payload: it goes to logs and to headers of dead letters.
 */
import { isUtf8 } from 'node:buffer';
import type { z } from 'zod';
import type { DeadLetterReason } from '../../contract/dead-letter-reasons.ts';
import { derivedCorrelationId } from '../../contract/event-id.ts';
import { type InboundLimits, type InboundSchemas, inboundSchemas } from '../../contract/inbound.ts';
import { ID_LENGTH_MAX } from '../../contract/text.ts';
import { EVENT_TYPES } from '../../contract/topics.ts';
import type { Input } from '../../domain/inputs.ts';
import type { InboundRecord } from '../../domain/ports.ts';
import {
  type TraceContext,
  traceparentFromHeader,
  traceparentFromText,
  tracestateFromHeader,
  tracestateFromText,
} from '../../telemetry/trace-context.ts';
import { whyNoJson } from './json-fault.ts';

/** Of several faults the gravest decides: no payload at all, a field missing or misshapen, an id, a count. */
const REASONS = ['invalid_envelope', 'invalid_payload', 'invalid_id', 'invalid_count'] as const;
const REASON_OF_FIELD = new Map<unknown, PayloadReason>([
  ['entity_id', 'invalid_id'],
  ['file_upload_id', 'invalid_id'],
  ['text_storage_id', 'invalid_id'],
  ['user_id', 'invalid_id'],
  ['org_id', 'invalid_id'],
  ['class_id', 'invalid_id'],
  ['expected_essay_count', 'invalid_count'],
]);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NO_TRACE: TraceContext = { traceparent: null };

export type Decoded =
  | { readonly kind: 'input'; readonly eventId: string; readonly input: Input }
  | { readonly kind: 'ignored'; readonly why: 'tombstone' }
  | { readonly kind: 'ignored'; readonly why: 'unknown_event_type'; readonly eventType: string }
  | {
      readonly kind: 'rejected';
      readonly reason: DeadLetterReason;
      readonly detail: string;
      /** For logs, as far as it can be told. */
      readonly about?: RejectedAbout;
    };

export interface RejectedAbout extends TraceContext {
  readonly batchId: string | undefined;
  readonly correlationId: string | undefined;
}

export interface DecodeLimits extends InboundLimits {
  readonly valueBytesMax: number;
  readonly depthMax: number;
}

/**
 * 1 MiB is what a broker accepts by default, and a registration of 10 000 slots needs 0.4 MiB with UUIDs: a smaller
 * bound would refuse what the contract allows, a larger one would never be reached. Parsing one takes about 5 ms.
 */
export const DECODE_LIMITS: DecodeLimits = {
  valueBytesMax: 1024 * 1024,
  depthMax: 32,
  slotsMax: 10_000,
  idLengthMax: ID_LENGTH_MAX,
};

/** `limits` should be one object for the life of the process: schemas are compiled per object. */
export function decodeRecord(record: InboundRecord, limits: DecodeLimits): Decoded {
  const value = record.value;
  if (value === null || value.byteLength === 0) return { kind: 'ignored', why: 'tombstone' };
  if (value.byteLength > limits.valueBytesMax) {
    return rejected('too_large', `value is larger than ${limits.valueBytesMax} bytes`);
  }
  if (!isUtf8(value)) return rejected('malformed_json', 'value is not UTF-8');
  if (isDeeperThan(value, limits.depthMax)) {
    return rejected('too_deep', `value is nested deeper than ${limits.depthMax} levels`);
  }
  const parsed = parseObject(value);
  if (typeof parsed === 'string') return rejected('malformed_json', parsed);
  return decodeEnvelope(record, parsed, schemasFor(limits));
}

type Envelope = z.infer<InboundSchemas['envelope']>;

function decodeEnvelope(record: InboundRecord, parsed: object, schemas: InboundSchemas): Decoded {
  const result = schemas.envelope.safeParse(parsed);
  if (!result.success) {
    const fields = result.error.issues.map((issue) => issue.path[0]);
    return fields.includes('event_type')
      ? rejected('invalid_envelope', 'event_type is missing or not a string')
      : rejected('unsupported_version', 'schema_version is not 1');
  }
  const decoded = decodeEvent(record, result.data, schemas);
  return decoded.kind === 'rejected' ? { ...decoded, about: aboutOf(record, result.data, schemas) } : decoded;
}

function decodeEvent(record: InboundRecord, envelope: Envelope, schemas: InboundSchemas): Decoded {
  const eventId = envelope.event_id ?? `${record.topic}/${record.partition}/${record.offset}`;
  const trace = traceContextOf(record, envelope);
  switch (envelope.event_type) {
    case EVENT_TYPES.registration:
      return decodeRegistration(envelope, eventId, trace, schemas);
    case EVENT_TYPES.content:
      return decodeContent(envelope, eventId, trace, record.receivedAtMs, schemas);
    case EVENT_TYPES.failure:
      return decodeFailure(envelope, eventId, trace, record.receivedAtMs, schemas);
    default:
      return { kind: 'ignored', why: 'unknown_event_type', eventType: envelope.event_type };
  }
}

function decodeRegistration(
  envelope: Envelope,
  eventId: string,
  trace: TraceContext,
  schemas: InboundSchemas,
): Decoded {
  const result = schemas.registration.safeParse(envelope.data);
  if (!result.success) return rejectedPayload(result.error.issues, envelope.data);
  const data = result.data;
  const input: Input = {
    kind: 'registration',
    batchId: data.entity_id,
    essayIds: data.essay_ids,
    courseCode: data.course_code,
    userId: data.user_id,
    orgId: data.org_id ?? null,
    classId: data.class_id ?? null,
    studentPromptRef: data.student_prompt_ref ?? null,
    correlationId: envelope.correlation_id ?? derivedCorrelationId(eventId),
    ...trace,
  };
  return { kind: 'input', eventId, input };
}

function decodeContent(
  envelope: Envelope,
  eventId: string,
  trace: TraceContext,
  receivedAtMs: number | undefined,
  schemas: InboundSchemas,
): Decoded {
  const result = schemas.content.safeParse(envelope.data);
  if (!result.success) return rejectedPayload(result.error.issues, envelope.data);
  const data = result.data;
  const input: Input = {
    kind: 'content',
    batchId: data.entity_id,
    textStorageId: data.text_storage_id,
    fileUploadId: data.file_upload_id,
    originalFileName: data.original_file_name,
    correlationId: data.correlation_id ?? envelope.correlation_id ?? derivedCorrelationId(eventId),
    ...trace,
    receivedAtMs,
  };
  return { kind: 'input', eventId, input };
}

function decodeFailure(
  envelope: Envelope,
  eventId: string,
  trace: TraceContext,
  receivedAtMs: number | undefined,
  schemas: InboundSchemas,
): Decoded {
  const result = schemas.failure.safeParse(envelope.data);
  if (!result.success) return rejectedPayload(result.error.issues, envelope.data);
  const data = result.data;
  const input: Input = {
    kind: 'failure',
    batchId: data.entity_id,
    fileUploadId: data.file_upload_id,
    originalFileName: data.original_file_name,
    errorCode: data.validation_error_code,
    errorMessage: data.validation_error_detail.message,
    correlationId: data.correlation_id ?? envelope.correlation_id ?? derivedCorrelationId(eventId),
    ...trace,
    receivedAtMs,
  };
  return { kind: 'input', eventId, input };
}

type PayloadReason = (typeof REASONS)[number];

/** Ids only where they could be ids: nothing else of a rejected payload may reach a log. */
function aboutOf(record: InboundRecord, envelope: Envelope, { batchId }: InboundSchemas): RejectedAbout {
  const correlationId = envelope.correlation_id;
  return {
    ...traceContextOf(record, envelope),
    batchId: batchId.safeParse(envelope.data).data?.entity_id,
    correlationId,
  };
}

function rejectedPayload(issues: readonly z.core.$ZodIssue[], data: unknown): Decoded {
  const faults = issues.map((issue) => ({ reason: reasonOf(issue, data), detail: detailOf(issue, data) }));
  for (const reason of REASONS) {
    const fault = faults.find((candidate) => candidate.reason === reason);
    if (fault) return rejected(reason, fault.detail);
  }
  return rejected('invalid_payload', 'data is not valid');
}

function reasonOf(issue: z.core.$ZodIssue, data: unknown): PayloadReason {
  const [field, index] = issue.path;
  if (field === undefined) return 'invalid_envelope';
  if (field === 'essay_ids') {
    if (!Array.isArray(fieldOf(data, field))) return 'invalid_payload';
    return index === undefined ? 'invalid_count' : 'invalid_id';
  }
  if (isMissing(data, field)) return 'invalid_payload';
  return REASON_OF_FIELD.get(field) ?? 'invalid_payload';
}

function detailOf(issue: z.core.$ZodIssue, data: unknown): string {
  const [field, index] = issue.path;
  if (field === undefined) return 'data is missing or not an object';
  if (isMissing(data, field)) return `${String(field)} is missing`;
  return `${String(field)}${index === undefined ? '' : `[${String(index)}]`} ${issue.message}`;
}

function isMissing(data: unknown, field: PropertyKey): boolean {
  return (fieldOf(data, field) ?? null) === null;
}

function fieldOf(data: unknown, field: PropertyKey): unknown {
  return (data as Record<PropertyKey, unknown>)[field];
}

function rejected(reason: DeadLetterReason, detail: string): Decoded {
  return { kind: 'rejected', reason, detail };
}

const schemasByLimits = new WeakMap<InboundLimits, InboundSchemas>();

function schemasFor(limits: InboundLimits): InboundSchemas {
  const known = schemasByLimits.get(limits);
  if (known) return known;
  const compiled = inboundSchemas(limits);
  schemasByLimits.set(limits, compiled);
  return compiled;
}

/** The object, or what is there in its place. */
function parseObject(value: Uint8Array): object | string {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed === null) return 'value is null, not an object';
    if (Array.isArray(parsed)) return 'value is an array, not an object';
    return typeof parsed === 'object' ? parsed : `value is a ${typeof parsed}, not an object`;
  } catch (error) {
    return whyNoJson(text, error);
  }
}

/** Looks at bytes before the parser does: what comes after it may recurse. Brackets within strings do not count. */
function isDeeperThan(value: Uint8Array, depthMax: number): boolean {
  let depth = 0;
  for (let i = 0; i < value.length; i++) {
    const byte = value[i];
    if (byte === QUOTE) {
      for (i++; i < value.length && value[i] !== QUOTE; i++) {
        if (value[i] === BACKSLASH) i++;
      }
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > depthMax) return true;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    }
  }
  return false;
}

/** The header's, else the envelope's, else none; its state comes from the same one. */
function traceContextOf({ headers }: InboundRecord, { metadata }: Envelope): TraceContext {
  const header = traceparentFromHeader(headers['traceparent']);
  if (header !== null) return contextOf(header, tracestateFromHeader(headers['tracestate']));
  const carried = metadata ? traceparentFromText(metadata.traceparent) : null;
  return carried === null ? NO_TRACE : contextOf(carried, tracestateFromText(metadata?.tracestate));
}

function contextOf(traceparent: string, tracestate: string | undefined): TraceContext {
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}
