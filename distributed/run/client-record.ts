/**
 * What the clients of gateways wrote down (`clients.jsonl`): what they asked and were answered, what they were told, each
 * the moment it came. The last record of a client says that it left; without it, its record was cut short.
 */
import { z } from 'zod';

const common = { monoMs: z.number(), wallMs: z.number(), client: z.string(), batchId: z.string() };

const answer = z.object({
  ...common,
  what: z.literal('answer'),
  /** Of the path. */
  asked: z.enum(['registration', 'contents', 'failures', 'status']),
  /** The Idempotency-Key; null: none. */
  key: z.string().nullable(),
  /** 1, and more when the same was asked again. */
  attempt: z.number().int().positive(),
  /** 0: the connection broke, or nothing came in time. */
  status: z.number().int(),
  tookMs: z.number(),
  /** Address of the one who answered, as the balancer says; all that were tried. */
  gateway: z.string().nullable(),
  /** That the answer names. */
  eventIds: z.array(z.string()),
});
export type AnswerRecord = z.infer<typeof answer>;

export const clientRecordSchema = z.discriminatedUnion('what', [
  answer,
  z.object({
    ...common,
    what: z.literal('connected'),
    gateway: z.string().nullable(),
    /** The version that it said it has. */
    after: z.number().int().nullable(),
  }),
  /** A live message, letter by letter. */
  z.object({ ...common, what: z.literal('told'), text: z.string() }),
  z.object({ ...common, what: z.literal('closed'), code: z.number().int() }),
  z.object({
    ...common,
    what: z.literal('left'),
    /** It was there, and heard, when everything was at rest: then it must have heard of everything. */
    atRest: z.boolean(),
  }),
]);
export type ClientRecord = z.infer<typeof clientRecordSchema>;

/** Without what the writer knows. */
type Unstamped<T> = T extends unknown ? Omit<T, 'monoMs' | 'wallMs' | 'client' | 'batchId'> : never;
export type ClientNote = Unstamped<ClientRecord>;
