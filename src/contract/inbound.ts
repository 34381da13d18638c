/**
 * What the service consumes. Strict about what it needs, lenient about the rest: unknown fields are accepted and
 * dropped, timestamps, sizes and checksums are not looked at, and text for people is cleaned rather than refused,
 * because a file name must not lose an essay. Also the parser of the hot path: zod compiles these schemas, they take
 * about a microsecond.
 */
import { z } from 'zod';
import { cleanText, isStorableJson, isUsableId } from './text.ts';

const FILE_NAME_LENGTH_MAX = 1000;
const ERROR_MESSAGE_LENGTH_MAX = 1000;
const ERROR_CODE_LENGTH_MAX = 200;

export interface InboundLimits {
  readonly idLengthMax: number;
  readonly slotsMax: number;
}

export type InboundSchemas = ReturnType<typeof inboundSchemas>;

/** Compiling costs milliseconds: once per process. */
export function inboundSchemas(limits: InboundLimits) {
  const id = z.string({ error: 'is not a string' }).refine((text) => isUsableId(text, limits.idLengthMax), {
    error: `is not an id: 1-${limits.idLengthMax} characters, well formed, no control characters, no space at the edges`,
  });
  const idIfUsable = id.optional().catch(undefined);

  const envelope = z.object({
    event_id: idIfUsable,
    event_type: z.string({ error: 'is not a string' }),
    schema_version: z.literal(1, { error: 'is not 1' }).default(1),
    correlation_id: idIfUsable,
    /** Only events of a known type are looked into. */
    data: z.unknown().optional(),
    metadata: z
      .object({ traceparent: z.unknown().optional(), tracestate: z.unknown().optional() })
      .nullish()
      .catch(null),
  });

  const registration = z
    .object({
      entity_id: id,
      expected_essay_count: z
        .number({ error: 'is not a finite number' })
        .refine((count) => Number.isInteger(count) && count >= 1, { error: 'is not a whole number above 0' }),
      /** At most slotsMax, as many as the count says. */
      essay_ids: z.custom<readonly string[]>(Array.isArray, { error: 'is not a list', abort: true }),
      course_code: id,
      /** Part of what makes two registrations the same; otherwise not looked into. */
      student_prompt_ref: z.unknown().optional().refine(isStorableJson, { error: 'holds text that cannot be stored' }),
      user_id: id,
      org_id: id.nullish(),
      class_id: id.nullish(),
    })
    .superRefine((data, context) => {
      const fault = faultOfEssayIds(data, limits);
      if (fault) context.addIssue({ code: 'custom', path: [...fault.path], message: fault.message });
    });

  const content = z.object({
    entity_id: id,
    file_upload_id: id,
    text_storage_id: id,
    original_file_name: cleaned(FILE_NAME_LENGTH_MAX),
    correlation_id: idIfUsable,
  });

  const failure = z.object({
    entity_id: id,
    file_upload_id: id,
    original_file_name: cleaned(FILE_NAME_LENGTH_MAX),
    validation_error_code: cleaned(ERROR_CODE_LENGTH_MAX).transform((code) => code || 'UNKNOWN_VALIDATION_ERROR'),
    validation_error_detail: z.object({ message: cleaned(ERROR_MESSAGE_LENGTH_MAX) }).catch({ message: '' }),
    correlation_id: idIfUsable,
  });

  /** Of a payload that is otherwise not valid. */
  const batchId = z.object({ entity_id: id });

  return { envelope, registration, content, failure, batchId };
}

function cleaned(lengthMax: number) {
  return z
    .unknown()
    .optional()
    .transform((text) => cleanText(text, lengthMax));
}

/** The first fault only: a list may hold hundreds of thousands of them. */
function faultOfEssayIds(
  data: { readonly essay_ids: readonly unknown[]; readonly expected_essay_count: number },
  limits: InboundLimits,
): { path: readonly (string | number)[]; message: string } | null {
  const ids = data.essay_ids;
  if (ids.length > limits.slotsMax) return { path: ['essay_ids'], message: `holds more than ${limits.slotsMax} ids` };
  const index = ids.findIndex((id) => typeof id !== 'string' || !isUsableId(id, limits.idLengthMax));
  if (index >= 0) return { path: ['essay_ids', index], message: 'is not an id' };
  if (ids.length !== data.expected_essay_count) {
    return { path: ['essay_ids'], message: 'does not hold as many ids as expected_essay_count says' };
  }
  if (new Set(ids).size !== ids.length) return { path: ['essay_ids'], message: 'holds an id twice' };
  return null;
}
