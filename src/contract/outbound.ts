/**
 * Builds the events that the service publishes, as final bytes. Called for every assignment inside the transaction, so
 * plain literals and nothing checked: outbound-schemas.ts says what comes out, and a test holds the two together.
 * Arguments have passed inbound validation.
 */
import { outboundEventId } from './event-id.ts';
import { SCHEMA_VERSION, type WireMessage } from './message.ts';
import { EVENT_TYPES, type EventName, type Topics } from './topics.ts';

const SOURCE_SERVICE = 'essay-lifecycle-service';

interface OutboundFields {
  readonly topics: Topics;
  readonly batchId: string;
  readonly correlationId: string;
  /** W3C trace context of the input that caused the event. */
  readonly traceparent: string | null;
  readonly tracestate?: string | null | undefined;
  readonly occurredAtMs: number;
}

export interface SlotAssignedFields extends OutboundFields {
  readonly essayId: string;
  readonly fileUploadId: string;
  readonly textStorageId: string;
  readonly originalFileName: string;
}

export interface ExcessFields extends OutboundFields {
  readonly textStorageId: string;
  readonly originalFileName: string;
}

export interface CompletedFields extends OutboundFields {
  /** Slots of the batch: filled and failed ones. */
  readonly expectedCount: number;
  readonly courseCode: string;
  readonly userId: string;
  /** Exactly the filled slots, by position. */
  readonly essays: readonly { readonly essayId: string; readonly textStorageId: string }[];
}

export function slotAssignedMessage(fields: SlotAssignedFields): WireMessage {
  const timestamp = timestampOf(fields.occurredAtMs);
  return message('slotAssigned', fields.essayId, fields.textStorageId, fields, timestamp, {
    event: 'essay.slot.assigned',
    batch_id: fields.batchId,
    essay_id: fields.essayId,
    file_upload_id: fields.fileUploadId,
    text_storage_id: fields.textStorageId,
    original_file_name: fields.originalFileName,
    correlation_id: fields.correlationId,
    timestamp,
  });
}

export function excessMessage(fields: ExcessFields): WireMessage {
  const timestamp = timestampOf(fields.occurredAtMs);
  return message('excess', fields.batchId, fields.textStorageId, fields, timestamp, {
    event: 'excess.content.provisioned',
    batch_id: fields.batchId,
    original_file_name: fields.originalFileName,
    text_storage_id: fields.textStorageId,
    reason: 'NO_AVAILABLE_SLOT',
    correlation_id: fields.correlationId,
    timestamp,
  });
}

export function completedMessage(fields: CompletedFields): WireMessage {
  const timestamp = timestampOf(fields.occurredAtMs);
  return message('completed', fields.batchId, '', fields, timestamp, {
    event: 'batch.content.provisioning.completed',
    batch_id: fields.batchId,
    provisioned_count: fields.essays.length,
    expected_count: fields.expectedCount,
    course_code: fields.courseCode,
    user_id: fields.userId,
    essays_for_processing: fields.essays.map((essay) => ({
      essay_id: essay.essayId,
      text_storage_id: essay.textStorageId,
      spellcheck_metrics: null,
    })),
    correlation_id: fields.correlationId,
    timestamp,
  });
}

function message(
  name: EventName,
  key: string,
  identity: string,
  fields: OutboundFields,
  timestamp: string,
  data: object,
): WireMessage {
  const eventType = EVENT_TYPES[name];
  const eventId = outboundEventId(fields.batchId, eventType, identity);
  const value = JSON.stringify({
    event_id: eventId,
    event_type: eventType,
    event_timestamp: timestamp,
    source_service: SOURCE_SERVICE,
    schema_version: SCHEMA_VERSION,
    correlation_id: fields.correlationId,
    data_schema_uri: null,
    data,
    metadata: traceContextOf(fields),
  });
  const headers: Record<string, string> = {
    event_id: eventId,
    event_type: eventType,
    trace_id: fields.correlationId,
    source_service: SOURCE_SERVICE,
    schema_version: String(SCHEMA_VERSION),
    occurred_at: timestamp,
    content_type: 'application/json',
  };
  if (fields.traceparent !== null) {
    headers['traceparent'] = fields.traceparent;
    if (fields.tracestate) headers['tracestate'] = fields.tracestate;
  }
  return { topic: fields.topics[name], key, value, headers };
}

let lastTimestamp = { atMs: 0, text: new Date(0).toISOString() };

/** Events of one transaction happen at one instant, which is written out once. */
function timestampOf(atMs: number): string {
  if (atMs !== lastTimestamp.atMs) lastTimestamp = { atMs, text: new Date(atMs).toISOString() };
  return lastTimestamp.text;
}

function traceContextOf({ traceparent, tracestate }: OutboundFields): object | null {
  if (traceparent === null) return null;
  return tracestate ? { traceparent, tracestate } : { traceparent };
}
