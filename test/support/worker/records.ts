import {
  type ContentMessageFields,
  contentMessage,
  type FailureMessageFields,
  failureMessage,
  type RegistrationMessageFields,
  registrationMessage,
} from '../../../src/contract/inbound-messages.ts';
import { EVENT_TYPES, topicsFor } from '../../../src/contract/topics.ts';
import type { InboundRecord, RecordHeaders } from '../../../src/domain/ports.ts';

/**
 * Valid inbound records with everything a test does not care about filled in. The messages are those of the contract;
 * a test that wants a wrong one changes the parsed envelope with `altered`.
 */
const COMMON = {
  topics: topicsFor(''),
  eventId: '0b9d7f52-6d51-4f0e-9a3c-1f6f3a9b0001',
  batchId: 'batch-1',
  correlationId: '0b9d7f52-6d51-4f0e-9a3c-1f6f3a9bc0de',
  occurredAtMs: Date.UTC(2025, 10, 3, 9, 30),
};

export function registrationEvent(fields: Partial<RegistrationMessageFields> = {}): string {
  const message = registrationMessage({
    ...COMMON,
    essayIds: ['essay-1', 'essay-2', 'essay-3'],
    courseCode: 'ENG5',
    userId: 'user-1',
    orgId: null,
    classId: null,
    ...fields,
  });
  return message.value;
}

export function contentEvent(fields: Partial<ContentMessageFields> = {}): string {
  const message = contentMessage({
    ...COMMON,
    textStorageId: 'text-1',
    fileUploadId: 'upload-1',
    originalFileName: 'Essay 1.docx',
    ...fields,
  });
  return message.value;
}

export function failureEvent(fields: Partial<FailureMessageFields> = {}): string {
  const message = failureMessage({
    ...COMMON,
    fileUploadId: 'upload-1',
    originalFileName: 'Essay 1.docx',
    errorCode: 'EMPTY_CONTENT',
    ...fields,
  });
  return message.value;
}

/** The event with top-level fields and fields of `data` replaced; `undefined` removes a field. */
export function altered(event: string, change: { envelope?: object; data?: object }): string {
  const envelope = JSON.parse(event) as { data: object };
  return JSON.stringify({ ...envelope, data: { ...envelope.data, ...change.data }, ...change.envelope });
}

export interface RecordPlace {
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
  readonly key?: string | null;
  readonly headers?: RecordHeaders;
}

export function asRecord(value: string | Uint8Array | null, place: RecordPlace = {}): InboundRecord {
  return {
    topic: place.topic ?? EVENT_TYPES.content,
    partition: place.partition ?? 0,
    offset: place.offset ?? 0,
    timestampMs: COMMON.occurredAtMs,
    key: typeof place.key === 'string' ? Buffer.from(place.key) : null,
    value: typeof value === 'string' ? Buffer.from(value) : value,
    headers: place.headers ?? {},
  };
}
