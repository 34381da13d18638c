/**
 * What the service publishes, field for field: an unknown or missing field is an error. For whoever judges the output;
 * the service itself builds its events in outbound.ts.
 */
import { z } from 'zod';
import { SCHEMA_VERSION } from './message.ts';
import { EVENT_TYPES } from './topics.ts';

const text = z.string().min(1);
const timestamp = z.iso.datetime();

export const slotAssignedEvent = event(EVENT_TYPES.slotAssigned, {
  event: z.literal('essay.slot.assigned'),
  batch_id: text,
  essay_id: text,
  file_upload_id: text,
  text_storage_id: text,
  /** Empty where the producer gave none. */
  original_file_name: z.string(),
  correlation_id: text,
  timestamp,
});

export const excessEvent = event(EVENT_TYPES.excess, {
  event: z.literal('excess.content.provisioned'),
  batch_id: text,
  original_file_name: z.string(),
  text_storage_id: text,
  reason: z.literal('NO_AVAILABLE_SLOT'),
  correlation_id: text,
  timestamp,
});

export const completedEvent = event(EVENT_TYPES.completed, {
  event: z.literal('batch.content.provisioning.completed'),
  batch_id: text,
  provisioned_count: z.int().nonnegative(),
  expected_count: z.int().positive(),
  course_code: text,
  user_id: text,
  essays_for_processing: z.array(
    z.strictObject({ essay_id: text, text_storage_id: text, spellcheck_metrics: z.null() }),
  ),
  correlation_id: text,
  timestamp,
});

export const outboundHeaders = z.strictObject({
  event_id: z.uuid({ version: 'v5' }),
  event_type: text,
  trace_id: text,
  source_service: z.literal('essay-lifecycle-service'),
  schema_version: z.literal(String(SCHEMA_VERSION)),
  occurred_at: timestamp,
  content_type: z.literal('application/json'),
  traceparent: text.optional(),
  tracestate: text.optional(),
});

function event<Type extends string, Data extends z.core.$ZodLooseShape>(type: Type, data: Data) {
  return z.strictObject({
    event_id: z.uuid({ version: 'v5' }),
    event_type: z.literal(type),
    event_timestamp: timestamp,
    source_service: z.literal('essay-lifecycle-service'),
    schema_version: z.literal(SCHEMA_VERSION),
    correlation_id: text,
    data_schema_uri: z.null(),
    data: z.strictObject(data),
    metadata: z.strictObject({ traceparent: text, tracestate: text.optional() }).nullable(),
  });
}
