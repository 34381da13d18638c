/**
 * The lines of a run directory's JSONL files. Each line has two clocks: `monoMs` since the run began, from the
 * harness's monotonic clock, for durations; `wallMs` since the epoch, to lay it beside topics, tables and logs.
 */
import { z } from 'zod';

const clocks = { monoMs: z.number(), wallMs: z.number() };

/**
 * One step of a client. `invoke` is written before anything is sent; `ok` means it happened, `fail` that it did not,
 * `info` that nobody knows (a time-out): the topic read back decides. `index` counts all lines of the file.
 */
export const historyRecordSchema = z.object({
  index: z.number().int().nonnegative(),
  ...clocks,
  process: z.string(),
  type: z.enum(['invoke', 'ok', 'fail', 'info']),
  /** registration, content, failure, ... */
  f: z.string(),
  /** What the step is about: the batch id. */
  key: z.string(),
  /** Of an input, at least `dueWallMs` and its identity; see `inputValueSchema`. */
  value: z.unknown().optional(),
  error: z.string().optional(),
});
export type HistoryRecord = z.infer<typeof historyRecordSchema>;

/** The `value` of an input's invoke. Latency counts from `dueWallMs`, never from when a late client got to send. */
export const inputValueSchema = z.looseObject({
  dueWallMs: z.number(),
  textStorageId: z.string().optional(),
  fileUploadId: z.string().optional(),
  originalFileName: z.string().optional(),
});

/** One edge of a fault. `evidence` says how it is known that the fault really happened. */
export const faultRecordSchema = z.object({
  ...clocks,
  fault: z.string(),
  target: z.string(),
  phase: z.enum(['start', 'stop']),
  evidence: z.unknown().optional(),
});
export type FaultRecord = z.infer<typeof faultRecordSchema>;

/** The start of a phase; it lasts until the next line. The last line is `end`. */
export const phaseRecordSchema = z.object({
  ...clocks,
  name: z.enum(['warm-up', 'load', 'faults off', 'quiescence', 'replay', 'check', 'end']),
  /** Of which part, in a scenario of several. */
  part: z.string().optional(),
});
export type PhaseRecord = z.infer<typeof phaseRecordSchema>;

/** A record as it lies in a topic, read back from offset 0. Made and read by topic-record.ts. */
export const topicRecordSchema = z.object({
  topic: z.string(),
  partition: z.number().int().nonnegative(),
  offset: z.number().int().nonnegative(),
  timestampMs: z.number(),
  key: z.string().nullable(),
  value: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
  /** Present when key or value is not well-formed UTF-8: both are base64 then, byte for byte. */
  encoding: z.literal('base64').optional(),
});
export type TopicRecord = z.infer<typeof topicRecordSchema>;

/** A sample of a consumer group's position. */
export const offsetSampleSchema = z.object({
  ...clocks,
  group: z.string(),
  topic: z.string(),
  partition: z.number().int().nonnegative(),
  /** Null: nothing committed yet. */
  committed: z.number().int().nullable(),
  end: z.number().int(),
});
export type OffsetSample = z.infer<typeof offsetSampleSchema>;

/** A measure of a process, or of the whole run (`process` is then `run`). */
export const metricSampleSchema = z.object({
  ...clocks,
  process: z.string(),
  metric: z.string(),
  value: z.number(),
});
export type MetricSample = z.infer<typeof metricSampleSchema>;

/**
 * A row of a table: columns as they are named in the database, instants as ISO 8601 text, numbers as numbers
 * (`to_jsonb(row)` gives just that).
 */
export const tableRowSchema = z.record(z.string(), z.unknown());
export type TableRow = z.infer<typeof tableRowSchema>;

/** A line of a process's log, as pino writes it. */
export const logLineSchema = z.looseObject({
  level: z.union([z.string(), z.number()]),
  time: z.union([z.string(), z.number()]),
  msg: z.string().optional(),
});
