/**
 * Builds the messages that the service consumes, as their producers build them: the batch service and the file service
 * give no headers, and the file service keys by upload, not by batch. Used by the gateway, the load generator and tests.
 * Nothing is checked, so that wrong messages can be built too.
 */
import { SCHEMA_VERSION, type WireMessage } from './message.ts';
import { EVENT_TYPES, type EventName, type Topics } from './topics.ts';

/** The service does not look at sizes; any will do. */
const FILE_SIZE_BYTES = 2048;

export interface InboundMessageFields {
  readonly topics: Topics;
  readonly eventId: string;
  readonly batchId: string;
  readonly correlationId: string;
  readonly occurredAtMs: number;
  /** W3C trace context; travels as a header when given. */
  readonly traceparent?: string | undefined;
  /** Default: the contract's key. */
  readonly key?: string | undefined;
  /** Default: the service that the contract names. */
  readonly sourceService?: string | undefined;
}

export interface RegistrationMessageFields extends InboundMessageFields {
  readonly essayIds: readonly string[];
  readonly courseCode: string;
  readonly userId: string;
  readonly orgId: string | null;
  readonly classId: string | null;
  readonly studentPromptRef?: unknown;
}

/** What the service does not look at; others may. */
export interface FileFields {
  readonly rawFileStorageId?: string | undefined;
  readonly fileSizeBytes?: number | undefined;
}

export interface ContentMessageFields extends InboundMessageFields, FileFields {
  readonly textStorageId: string;
  readonly fileUploadId: string;
  readonly originalFileName: string;
  readonly contentMd5Hash?: string | null | undefined;
}

export interface FailureMessageFields extends InboundMessageFields, FileFields {
  readonly fileUploadId: string;
  readonly originalFileName: string;
  readonly errorCode: string;
  readonly errorMessage?: string | undefined;
}

export function registrationMessage(fields: RegistrationMessageFields): WireMessage {
  const data = {
    event: 'batch.essays.registered',
    entity_id: fields.batchId,
    expected_essay_count: fields.essayIds.length,
    essay_ids: fields.essayIds,
    metadata: {
      entity_id: fields.batchId,
      entity_type: 'batch',
      parent_id: null,
      timestamp: isoTime(fields),
      processing_stage: null,
      started_at: null,
      completed_at: null,
      event: null,
      error_info: {},
    },
    course_code: fields.courseCode,
    student_prompt_ref: fields.studentPromptRef ?? null,
    user_id: fields.userId,
    org_id: fields.orgId,
    class_id: fields.classId,
  };
  return message('registration', 'batch-service', fields.batchId, fields, data);
}

export function contentMessage(fields: ContentMessageFields): WireMessage {
  const data = {
    event: 'essay.content.provisioned',
    entity_id: fields.batchId,
    file_upload_id: fields.fileUploadId,
    original_file_name: fields.originalFileName,
    raw_file_storage_id: fields.rawFileStorageId ?? `raw-${fields.fileUploadId}`,
    text_storage_id: fields.textStorageId,
    file_size_bytes: fields.fileSizeBytes ?? FILE_SIZE_BYTES,
    content_md5_hash: fields.contentMd5Hash ?? null,
    correlation_id: fields.correlationId,
    timestamp: isoTime(fields),
  };
  return message('content', 'file-service', fields.fileUploadId, fields, data);
}

export function failureMessage(fields: FailureMessageFields): WireMessage {
  const data = {
    event: 'essay.validation.failed',
    entity_id: fields.batchId,
    file_upload_id: fields.fileUploadId,
    original_file_name: fields.originalFileName,
    raw_file_storage_id: fields.rawFileStorageId ?? `raw-${fields.fileUploadId}`,
    validation_error_code: fields.errorCode,
    validation_error_detail: {
      error_code: fields.errorCode,
      message: fields.errorMessage ?? `File did not validate: ${fields.errorCode}`,
      correlation_id: fields.correlationId,
      timestamp: isoTime(fields),
      service: 'file-service',
      operation: 'validate_file',
      details: {},
      stack_trace: null,
      trace_id: null,
      span_id: null,
    },
    file_size_bytes: fields.fileSizeBytes ?? FILE_SIZE_BYTES,
    correlation_id: fields.correlationId,
    timestamp: isoTime(fields),
  };
  return message('failure', 'file-service', fields.fileUploadId, fields, data);
}

function message(
  name: EventName,
  sourceService: string,
  defaultKey: string,
  fields: InboundMessageFields,
  data: object,
): WireMessage {
  const value = JSON.stringify({
    event_id: fields.eventId,
    event_type: EVENT_TYPES[name],
    event_timestamp: isoTime(fields),
    source_service: fields.sourceService ?? sourceService,
    schema_version: SCHEMA_VERSION,
    correlation_id: fields.correlationId,
    data_schema_uri: null,
    data,
    metadata: null,
  });
  return {
    topic: fields.topics[name],
    key: fields.key ?? defaultKey,
    value,
    headers: fields.traceparent === undefined ? {} : { traceparent: fields.traceparent },
  };
}

function isoTime(fields: InboundMessageFields): string {
  return new Date(fields.occurredAtMs).toISOString();
}
