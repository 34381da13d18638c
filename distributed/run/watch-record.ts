/**
 * The lines of `watch.jsonl`: what was seen of processes, positions and alerts while something was broken and a while
 * after, looked at several times a second. A line is a change; with `watching` all is said anew, so that what holds at an
 * instant is the last line before it.
 */
import { z } from 'zod';

export const HEALTH_STATUSES = ['healthy', 'degraded', 'unhealthy', 'silent'] as const;

/** `silent`: no answer in time. */
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

export const watchSeenSchema = z.discriminatedUnion('what', [
  /** From here on, or from here on no more. Whoever is there to be broken or to say something. */
  z.object({
    what: z.literal('watching'),
    isOn: z.boolean(),
    workers: z.array(z.string()),
    gateways: z.array(z.string()),
    servers: z.array(z.string()),
    /** A Prometheus is asked for its alerts. */
    hasAlerts: z.boolean(),
  }),
  /** What a process says of itself by HTTP. */
  z.object({ what: z.literal('health'), process: z.string(), status: z.enum(HEALTH_STATUSES) }),
  /** Everything before this offset is settled in the database. */
  z.object({ what: z.literal('position'), topic: z.string(), partition: z.number().int(), next: z.number().int() }),
  /** `activeAtMs`: when Prometheus found its condition true. `about`: what the alert names besides itself. */
  z.object({
    what: z.literal('alert'),
    alert: z.string(),
    about: z.string(),
    state: z.enum(['pending', 'firing', 'over']),
    activeAtMs: z.number(),
  }),
]);
export type WatchSeen = z.infer<typeof watchSeenSchema>;

export const watchRecordSchema = z.intersection(z.object({ monoMs: z.number(), wallMs: z.number() }), watchSeenSchema);
export type WatchRecord = z.infer<typeof watchRecordSchema>;
