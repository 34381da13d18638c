/**
 * Bodies of the read API and of the probes. Shapes that existing callers know, where there are such (`total_essays`,
 * `status_breakdown`, `completion_percentage`, `current_status`, the error body), with provisioning told truthfully.
 * Times are ISO 8601 in UTC, counts are whole and not negative.
 */
import { z } from 'zod';

const count = z.int().nonnegative();
const time = z.iso.datetime();

export const batchStatusBody = z.object({
  batch_id: z.string(),
  state: z.enum(['announced', 'open', 'complete']).describe('announced: something of it came before its registration.'),
  expected_count: count.nullable().describe('Slots of the batch; null until it is registered.'),
  open: count,
  filled: count,
  failed: count,
  pending: count.describe('Inputs waiting for the registration; 1000 stands for that many or more.'),
  excess: count.describe('Contents that came when no slot was left; 1000 stands for that many or more.'),
  version: count.describe('Raised by every change of the batch; live progress resumes from it.'),
  registered_at: time.nullable(),
  completed_at: time.nullable(),
  erased_at: time
    .nullable()
    .describe('Since when its slots are gone, because its retention is over; counts are those of its end.'),
  total_essays: count.describe('Name of the original API for expected_count; 0 until registered.'),
  status_breakdown: z
    .object({ open: count, filled: count, failed: count })
    .describe('Slots by status; the sum is total_essays.'),
  completion_percentage: z
    .number()
    .min(0)
    .max(100)
    .describe('Share of slots filled or failed, 0-100; 100 exactly when complete.'),
  completion: z.object({ event_id: z.uuid(), published: z.boolean() }).nullable(),
});
export type BatchStatusBody = z.infer<typeof batchStatusBody>;

const listItem = batchStatusBody
  .pick({
    batch_id: true,
    state: true,
    expected_count: true,
    open: true,
    filled: true,
    failed: true,
    pending: true,
    version: true,
    completion_percentage: true,
    registered_at: true,
    completed_at: true,
    erased_at: true,
  })
  .extend({
    course_code: z.string().nullable(),
    user_id: z.string().nullable().describe('The owner; null until registered, and after the retention.'),
    org_id: z.string().nullable(),
  });
export type BatchListItem = z.infer<typeof listItem>;

export const batchListBody = z.object({
  batches: z.array(listItem),
  next: z.string().nullable().describe('`after` of the next page; null at the end.'),
});
export type BatchListBody = z.infer<typeof batchListBody>;

export function isoTime(timestampMs: number): string;
export function isoTime(timestampMs: number | null): string | null;
export function isoTime(timestampMs: number | null): string | null {
  return timestampMs === null ? null : new Date(timestampMs).toISOString();
}

/** Rounded down to a tenth, so that 100 is not shown before it is true. */
export function completionPercentage(expectedCount: number | null, openCount: number): number {
  if (expectedCount === null || expectedCount === 0) return 0;
  return Math.floor(((expectedCount - openCount) * 1000) / expectedCount) / 10;
}

export const essayStatusBody = z.object({
  essay_id: z.string(),
  batch_id: z.string(),
  status: z.enum(['open', 'filled', 'failed']),
  current_status: z.enum(['open', 'filled', 'failed']).describe('Name of the original API for status.'),
  position: count.describe('Position in the registration, from 0.'),
  text_storage_id: z.string().nullable(),
  file_upload_id: z.string().nullable(),
  original_file_name: z.string().nullable(),
  assigned_at: time.nullable(),
  assigned_by: z.string().nullable(),
  batch_version: count.nullable().describe('Version of the batch at the assignment.'),
});
export type EssayStatusBody = z.infer<typeof essayStatusBody>;

export const HTTP_ERROR_CODES = [
  'VALIDATION_ERROR',
  'RESOURCE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'CONFLICT',
  'AUTHENTICATION_ERROR',
  'AUTHORIZATION_ERROR',
  'TOO_LARGE',
  'RATE_LIMITED',
  'PROCESSING_ERROR',
  'CONNECTION_ERROR',
  'TIMEOUT',
] as const;

export const errorBody = z.object({
  type: z
    .string()
    .optional()
    .describe(
      'With the next three, as RFC 9457 has them: of 401 and 403, and where Accept has application/problem+json.',
    ),
  title: z.string().optional(),
  status: count.optional(),
  detail: z.string().optional(),
  error: z.object({
    code: z.enum(HTTP_ERROR_CODES),
    message: z.string(),
    correlation_id: z.string().describe('Of the request: its X-Correlation-ID, else a new one.'),
    service: z.string(),
    timestamp: time,
    details: z.record(z.string(), z.unknown()),
  }),
});
export type ErrorBody = z.infer<typeof errorBody>;

/** Of one dependency. `detail` is for operators and says nothing secret. */
const check = z.object({ status: z.enum(['ok', 'degraded', 'failed']), detail: z.string().optional() });

/** 200 while every dependency that the work needs answers, else 503. Redis alone missing is `degraded` and still 200. */
export const healthBody = z.object({
  service: z.string(),
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  message: z.string(),
  version: z.string(),
  checks: z.object({ service_responsive: z.boolean(), dependencies_available: z.boolean() }),
  dependencies: z.record(z.string(), check),
  environment: z.string(),
});
export type HealthBody = z.infer<typeof healthBody>;

/** 200 when work can be done, 503 while starting, draining or where something keeps it from being done. */
export const readyBody = z.object({
  status: z.enum(['ready', 'starting', 'draining', 'not_ready']),
  checks: z.record(z.string(), check),
});
export type ReadyBody = z.infer<typeof readyBody>;

/** The event loop only, never a dependency. */
export const liveBody = z.object({ status: z.literal('live'), uptime_seconds: z.number().nonnegative() });
export type LiveBody = z.infer<typeof liveBody>;

export const infoBody = z.object({
  service: z.string(),
  version: z.string(),
  instance: z.string(),
  role: z.enum(['worker', 'gateway']),
  node_version: z.string(),
  started_at: time,
});
export type InfoBody = z.infer<typeof infoBody>;

/** The gateways that were there within the last 45 seconds. */
export const gatewaysBody = z.object({
  gateways: z.array(z.object({ instance: z.string(), connections: count, watched_batches: count })),
});
export type GatewaysBody = z.infer<typeof gatewaysBody>;
