/**
 * What a gateway takes and answers. Of a request only the frame is described here: what is in it is judged by the schemas
 * of the events that are made of it, so a gateway takes what a worker takes, and nothing else.
 */
import { z } from 'zod';

export const REQUEST_ITEMS_MAX = 1000;

export const registrationRequest = z.looseObject({
  batch_id: z.string().optional().describe('Made where it is not given.'),
  essay_ids: z.array(z.string()).optional().describe('One per slot; either these or essay_count.'),
  essay_count: z.int().positive().optional().describe('So many essay ids are made.'),
  course_code: z.string(),
  user_id: z.string().optional().describe('The owner. Where users are asked who they are, it is the one who asks.'),
  org_id: z.string().nullish(),
  class_id: z.string().nullish(),
  student_prompt_ref: z.unknown().optional(),
});

const file = {
  file_upload_id: z.string(),
  original_file_name: z.string().optional(),
  raw_file_storage_id: z.string().max(1000).optional().describe('Default: the upload.'),
  file_size_bytes: z.int().nonnegative().optional(),
  correlation_id: z.string().optional().describe("Default: the request's."),
};

export const contentRequest = z.looseObject({
  ...file,
  text_storage_id: z.string(),
  content_md5_hash: z.string().max(100).nullish(),
});

export const failureRequest = z.looseObject({
  ...file,
  validation_error_code: z.string(),
  validation_error_message: z.string().optional(),
});

const many = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(REQUEST_ITEMS_MAX);
export const contentsRequest = z.looseObject({ contents: many(contentRequest) });
export const failuresRequest = z.looseObject({ failures: many(failureRequest) });

/** Everything named here is in Kafka's log. */
export const registrationAccepted = z.object({
  batch_id: z.string(),
  essay_ids: z.array(z.string()),
  event_id: z.uuid(),
  correlation_id: z.string(),
  upload_token: z
    .string()
    .optional()
    .describe('Where users are asked who they are: the bearer token for contents and failures of this batch.'),
  upload_token_expires_at: z.iso.datetime().optional(),
});
export type RegistrationAccepted = z.infer<typeof registrationAccepted>;

export const inputsAccepted = z.object({
  batch_id: z.string(),
  event_ids: z.array(z.uuid()).describe('Parallel to what was sent.'),
  correlation_id: z.string(),
});
export type InputsAccepted = z.infer<typeof inputsAccepted>;

/** What a browser shows in the address of a WebSocket or of a stream, which can have no token; null: nothing is needed. */
export const liveTicket = z.object({ ticket: z.string().nullable(), expires_at: z.iso.datetime().nullable() });
export type LiveTicket = z.infer<typeof liveTicket>;
