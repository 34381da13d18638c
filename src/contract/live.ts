/**
 * Live progress of a batch, the same by WebSocket and by server-sent events. A client that has the version v gets
 * `changes` from v, or a `snapshot` in place of what it missed; it comes back with `after=v`. `complete` may be said again
 * after coming back. A WebSocket of /v1/live is of many batches: its client says which.
 */
import { z } from 'zod';

const count = z.int().nonnegative();

const slot = z.object({
  version: count.describe('Of the batch, by this slot: without a gap.'),
  essay_id: z.string(),
  position: count,
  status: z.enum(['filled', 'failed']),
  text_storage_id: z.string().nullable(),
  file_upload_id: z.string().nullable(),
  original_file_name: z.string().nullable(),
  assigned_at: z.iso.datetime(),
  assigned_by: z.string().nullable(),
});

const counts = {
  batch_id: z.string(),
  state: z.enum(['announced', 'open', 'complete']),
  expected_count: count,
  open: count,
  filled: count,
  failed: count,
};

export const liveMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('snapshot'), ...counts, version: count, slots: z.array(slot) }),
  z.object({ type: z.literal('changes'), ...counts, from: count, to: count, slots: z.array(slot) }),
  z.object({ type: z.literal('complete'), batch_id: z.string(), version: count, completed_at: z.iso.datetime() }),
]);
export type LiveMessage = z.infer<typeof liveMessage>;

/** What a client of /v1/live says. A batch that is watched already begins anew at `after`, or with a snapshot. */
export const liveCommand = z.discriminatedUnion('type', [
  z.object({ type: z.literal('watch'), batch_id: z.string(), after: count.nullish() }),
  z.object({ type: z.literal('unwatch'), batch_id: z.string() }),
]);

/** Why a batch is not watched: the status and message that a request for it alone would get. */
export const liveRefusal = z.object({
  type: z.literal('refused'),
  batch_id: z.string(),
  status: z.int(),
  message: z.string(),
});
export type LiveRefusal = z.infer<typeof liveRefusal>;
