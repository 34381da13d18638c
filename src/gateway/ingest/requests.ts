/**
 * From the body of a request to the events it stands for, or INVALID_INPUT with the field that is wrong. What a worker
 * would set aside as a dead letter is refused here, by the same schemas and limits.
 */
import type { z } from 'zod';
import type { InboundSchemas } from '../../contract/inbound.ts';
import {
  contentMessage,
  failureMessage,
  type InboundMessageFields,
  registrationMessage,
} from '../../contract/inbound-messages.ts';
import { contentsRequest, failuresRequest, registrationRequest } from '../../contract/ingest.ts';
import type { Topics } from '../../contract/topics.ts';
import type { OutboundMessage } from '../../domain/ports.ts';
import { AppError } from '../../errors.ts';
import { RefusedError } from '../../http/error-reply.ts';
import type { MakeId } from './request-ids.ts';

const SOURCE = 'essay-lifecycle-gateway';
/** A worker takes 32 levels, some of which are the envelope's. */
const DEPTH_MAX = 16;

export interface RequestContext {
  readonly topics: Topics;
  readonly schemas: InboundSchemas;
  readonly slotsMax: number;
  readonly valueBytesMax: number;
  readonly correlationId: string;
  readonly nowMs: number;
  readonly makeId: MakeId;
}

export interface RequestedRegistration {
  readonly batchId: string;
  readonly essayIds: readonly string[];
  readonly eventId: string;
  readonly message: OutboundMessage;
}

export interface RequestedInputs {
  readonly eventIds: readonly string[];
  readonly messages: readonly OutboundMessage[];
}

export function registrationOf(body: unknown, context: RequestContext): RequestedRegistration {
  const asked = parsed(registrationRequest, body, '');
  const { essay_ids: given, essay_count: count } = asked;
  if ((given === undefined) === (count === undefined)) throw invalid('give either essay_ids or essay_count');
  if (isDeeperThan(asked.student_prompt_ref, DEPTH_MAX)) throw invalid('student_prompt_ref is nested too deep');
  if (count !== undefined && count > context.slotsMax) throw invalid(`essay_count is more than ${context.slotsMax}`);
  const ids = given ?? Array.from({ length: count ?? 0 }, (_, index) => context.makeId('essay', index));
  const batchId = asked.batch_id ?? context.makeId('batch', 0);
  const data = parsed(
    context.schemas.registration,
    { ...asked, entity_id: batchId, essay_ids: ids, expected_essay_count: ids.length },
    '',
  );
  const eventId = context.makeId('event', 0);
  const message = registrationMessage({
    ...envelopeOf(context, batchId, eventId, undefined),
    essayIds: data.essay_ids,
    courseCode: data.course_code,
    userId: data.user_id,
    orgId: data.org_id ?? null,
    classId: data.class_id ?? null,
    studentPromptRef: data.student_prompt_ref,
  });
  return { batchId, essayIds: data.essay_ids, eventId, message: sized(message, context) };
}

/** One content, or up to a thousand below `contents`. */
export function contentsOf(batchId: string, body: unknown, context: RequestContext): RequestedInputs {
  const { contents } = parsed(contentsRequest, listed(body, 'contents'), '');
  return inputs(contents, context, (item, index, eventId) => {
    const at = `contents[${index}].`;
    const data = parsed(context.schemas.content, { ...item, entity_id: batchId }, at);
    return contentMessage({
      ...envelopeOf(context, batchId, eventId, data.correlation_id),
      textStorageId: data.text_storage_id,
      fileUploadId: data.file_upload_id,
      originalFileName: data.original_file_name,
      rawFileStorageId: item.raw_file_storage_id ?? data.file_upload_id,
      fileSizeBytes: item.file_size_bytes ?? 0,
      contentMd5Hash: item.content_md5_hash,
    });
  });
}

/** One failure, or up to a thousand below `failures`. */
export function failuresOf(batchId: string, body: unknown, context: RequestContext): RequestedInputs {
  const { failures } = parsed(failuresRequest, listed(body, 'failures'), '');
  return inputs(failures, context, (item, index, eventId) => {
    const detail = { message: item.validation_error_message ?? '' };
    const payload = { ...item, entity_id: batchId, validation_error_detail: detail };
    const data = parsed(context.schemas.failure, payload, `failures[${index}].`);
    return failureMessage({
      ...envelopeOf(context, batchId, eventId, data.correlation_id),
      fileUploadId: data.file_upload_id,
      originalFileName: data.original_file_name,
      errorCode: data.validation_error_code,
      errorMessage: data.validation_error_detail.message,
      rawFileStorageId: item.raw_file_storage_id ?? data.file_upload_id,
      fileSizeBytes: item.file_size_bytes ?? 0,
    });
  });
}

function inputs<Item>(
  items: readonly Item[],
  context: RequestContext,
  build: (item: Item, index: number, eventId: string) => OutboundMessage,
): RequestedInputs {
  const eventIds = items.map((_, index) => context.makeId('event', index));
  const messages = items.map((item, index) => sized(build(item, index, eventIds[index] ?? ''), context));
  return { eventIds, messages };
}

function listed(body: unknown, name: 'contents' | 'failures'): unknown {
  return typeof body === 'object' && body !== null && !(name in body) ? { [name]: [body] } : body;
}

/** Keyed by batch: its inputs are one partition's, so one worker has them together. */
function envelopeOf(
  { topics, nowMs, correlationId }: RequestContext,
  batchId: string,
  eventId: string,
  ownCorrelationId: string | undefined,
): InboundMessageFields {
  return {
    topics,
    eventId,
    batchId,
    correlationId: ownCorrelationId ?? correlationId,
    occurredAtMs: nowMs,
    key: batchId,
    sourceService: SOURCE,
  };
}

function sized(message: OutboundMessage, { valueBytesMax }: RequestContext): OutboundMessage {
  if (Buffer.byteLength(message.value) <= valueBytesMax) return message;
  const text = `an event of it would be larger than ${valueBytesMax} bytes`;
  throw new RefusedError({ status: 413, code: 'TOO_LARGE', message: text });
}

function parsed<T extends z.ZodType>(schema: T, value: unknown, at: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = (issue?.path ?? [])
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('');
  throw invalid(`${at}${path.replace(/^\./, '')} ${issue?.message ?? 'is invalid'}`.trim());
}

function invalid(message: string): AppError {
  return new AppError('INVALID_INPUT', message);
}

function isDeeperThan(value: unknown, levelsMax: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levelsMax === 0 || Object.values(value).some((member) => isDeeperThan(member, levelsMax - 1));
}
