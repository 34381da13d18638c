/**
 * Reads what the service published, strictly against the contract. Every physical record is kept, copies too: whether
 * there may be copies is for the checkers to say. A record that is not what the contract says is `malformed`, with why.
 */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { outboundEventId } from '../../../src/contract/event-id.ts';
import {
  completedEvent,
  excessEvent,
  outboundHeaders,
  slotAssignedEvent,
} from '../../../src/contract/outbound-schemas.ts';
import { EVENT_TYPES, type EventName } from '../../../src/contract/topics.ts';
import type { TopicRecord } from '../../run/records.ts';
import { addressOf, bytesDigest, type RecordAddress } from './input-records.ts';

export interface OutputRecord extends RecordAddress {
  readonly eventId: string;
  /** A transaction that wrote this event was lost with its server; what came of it instead has the same id. */
  readonly wasLost?: boolean;
  /** Of key, value and headers: equal for copies of one message and for nothing else. */
  readonly digest: string;
  readonly batchId: string;
  readonly correlationId: string;
  /** What the contract makes the event id from says that it is this one. */
  readonly isIdDerived: boolean;
}

export interface AssignedOutput extends OutputRecord {
  readonly kind: 'slotAssigned';
  readonly essayId: string;
  readonly textStorageId: string;
  readonly fileUploadId: string;
  readonly originalFileName: string;
}

export interface ExcessOutput extends OutputRecord {
  readonly kind: 'excess';
  readonly textStorageId: string;
  readonly originalFileName: string;
}

export interface CompletedOutput extends OutputRecord {
  readonly kind: 'completed';
  readonly provisionedCount: number;
  readonly expectedCount: number;
  readonly courseCode: string;
  readonly userId: string;
  readonly essays: readonly { readonly essayId: string; readonly textStorageId: string }[];
}

export interface MalformedOutput extends RecordAddress {
  readonly kind: 'malformed';
  readonly why: string;
}

export type Output = AssignedOutput | ExcessOutput | CompletedOutput;

/** A record set aside by the service. */
export interface Letter {
  readonly at: string;
  readonly timestampMs: number;
  readonly reason: string;
  /** topic/partition@offset of the record that was set aside; copies of one letter share it. */
  readonly origin: string;
  readonly bytes: string;
}

export function readOutput(record: TopicRecord): Output | MalformedOutput {
  const { topic, partition, offset, timestampMs } = record;
  const address = { topic, partition, offset, timestampMs };
  try {
    return readEvent(record, address);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return { ...address, kind: 'malformed', why: error.message };
  }
}

export function readLetter(record: TopicRecord): Letter {
  const { headers, timestampMs } = record;
  const origin = `${headers['dlq-topic'] ?? '?'}/${headers['dlq-partition'] ?? '?'}@${headers['dlq-offset'] ?? '?'}`;
  const reason = headers['dlq-reason'] ?? 'none given';
  return { at: addressOf(record), timestampMs, reason, origin, bytes: bytesDigest(record) };
}

class MalformedError extends Error {}

function readEvent(record: TopicRecord, address: RecordAddress): Output {
  const name = (Object.keys(EVENT_TYPES) as EventName[]).find((each) => record.topic.endsWith(EVENT_TYPES[each]));
  const value = parseJson(record.value);
  switch (name) {
    case 'slotAssigned': {
      const event = parse(slotAssignedEvent, value);
      const { batch_id, essay_id: essayId, text_storage_id: textStorageId, file_upload_id: fileUploadId } = event.data;
      const base = baseOf(record, address, event, { name, key: essayId, identity: textStorageId, batchId: batch_id });
      const originalFileName = event.data.original_file_name;
      return { ...base, kind: name, essayId, textStorageId, fileUploadId, originalFileName };
    }
    case 'excess': {
      const event = parse(excessEvent, value);
      const { batch_id: batchId, text_storage_id: textStorageId, original_file_name: originalFileName } = event.data;
      const base = baseOf(record, address, event, { name, key: batchId, identity: textStorageId, batchId });
      return { ...base, kind: name, textStorageId, originalFileName };
    }
    case 'completed': {
      const event = parse(completedEvent, value);
      const { batch_id: batchId, provisioned_count, expected_count, course_code, user_id } = event.data;
      const base = baseOf(record, address, event, { name, key: batchId, identity: '', batchId });
      const counts = { provisionedCount: provisioned_count, expectedCount: expected_count };
      const listed = event.data.essays_for_processing;
      const essays = listed.map(({ essay_id, text_storage_id }) => ({
        essayId: essay_id,
        textStorageId: text_storage_id,
      }));
      return { ...base, kind: name, ...counts, courseCode: course_code, userId: user_id, essays };
    }
    default:
      throw new MalformedError('is in no topic of the contract');
  }
}

function baseOf(
  record: TopicRecord,
  address: RecordAddress,
  event: {
    readonly event_id: string;
    readonly correlation_id: string;
    readonly data: { readonly correlation_id: string };
  },
  of: { readonly name: EventName; readonly key: string; readonly identity: string; readonly batchId: string },
): OutputRecord {
  const headers = parse(outboundHeaders, record.headers);
  if (record.key !== of.key) throw new MalformedError(`key is ${record.key}, not ${of.key}`);
  if (headers.event_id !== event.event_id) throw new MalformedError('event_id differs between header and envelope');
  if (headers.event_type !== EVENT_TYPES[of.name]) throw new MalformedError('event_type of the header is another one');
  if (event.correlation_id !== event.data.correlation_id) throw new MalformedError('correlation ids differ');
  // As JSON the parts cannot run into each other.
  const hash = createHash('sha256').update(
    JSON.stringify([record.encoding, record.key, record.value, Object.entries(record.headers).sort()]),
  );
  return {
    ...address,
    eventId: event.event_id,
    digest: hash.digest('base64'),
    batchId: of.batchId,
    correlationId: event.correlation_id,
    isIdDerived: event.event_id === outboundEventId(of.batchId, EVENT_TYPES[of.name], of.identity),
  };
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MalformedError(`${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is wrong'}`);
}

function parseJson(value: string | null): unknown {
  try {
    return value === null ? null : JSON.parse(value);
  } catch {
    return undefined;
  }
}
