/**
 * The tables. Constraints here are the truth about slots; all code is an optimisation of them.
 *
 * - `slots_one_per_text` is what makes a content take at most one slot, whatever the code does.
 * - `slots` has exactly three indexes: every claim writes an entry into each of them. So one serves both those who look
 *   for an open slot and those who ask whether an upload is in one.
 * - No index of `batches` covers a column that the counters touch, so counter updates stay heap-only.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  check,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

const LISTED_BY = { userId: 'user', orgId: 'org', courseCode: 'course' } as const;

export const batches = pgTable(
  'batches',
  {
    id: text('id').primaryKey(),
    /** announced: something came before the registration; open: registered; complete: no open slot is left. */
    state: text('state').notNull(),
    expectedCount: integer('expected_count').notNull().default(0),
    openSlots: integer('open_slots').notNull().default(0),
    filledCount: integer('filled_count').notNull().default(0),
    failedCount: integer('failed_count').notNull().default(0),
    /** Raised by every slot that changes; live progress resumes from it. */
    version: bigint('version', { mode: 'number' }).notNull().default(0),
    courseCode: text('course_code'),
    userId: text('user_id'),
    orgId: text('org_id'),
    classId: text('class_id'),
    studentPromptRef: json('student_prompt_ref'),
    correlationId: text('correlation_id'),
    traceparent: text('traceparent'),
    tracestate: text('tracestate'),
    /** Digest of what makes two registrations the same; null while announced. */
    registrationDigest: text('registration_digest'),
    announcedAt: instant('announced_at').notNull().defaultNow(),
    registeredAt: instant('registered_at'),
    completedAt: instant('completed_at'),
    /** The outbox row that carries its completion; null before, and where a build older than this column wrote it. */
    completionOutboxId: bigint('completion_outbox_id', { mode: 'number' }),
    /** Since when the batch is a tombstone: this row alone speaks for it, and every input of it is known. */
    erasedAt: instant('erased_at'),
    /** Its slots, failures and excess are still being deleted, step by step. */
    erasing: boolean('erasing').notNull().default(false),
    /** Inputs that wait for the registration, as far as builds that count have seen them: a bound, not a truth. */
    pendingCount: integer('pending_count').notNull().default(0),
    /** Registered, and what came before is being placed in several transactions; its registration is not resolved yet. */
    draining: boolean('draining').notNull().default(false),
  },
  (table) => [
    // What retention walks.
    index('batches_to_erase')
      .on(table.completedAt)
      .where(sql`${table.state} = 'complete' and ${table.erasedAt} is null`),
    index('batches_being_erased').on(table.id).where(sql`${table.erasing}`),
    // What reconciler, gauges and operators walk: by state, the oldest first. Its columns change twice in a batch's life,
    // so counter updates stay heap-only.
    index('batches_by_age')
      .on(table.state, sql`coalesce(${table.registeredAt}, ${table.announcedAt})`, table.id)
      .where(sql`${table.state} <> 'complete'`),
    // What lists walk, the newest first: all of a state, and those of a user, an organisation or a course.
    index('batches_listed').on(table.state, sql`coalesce(${table.registeredAt}, ${table.announcedAt})`, table.id),
    ...(['userId', 'orgId', 'courseCode'] as const).map((key) =>
      index(`batches_listed_by_${LISTED_BY[key]}`)
        .on(table[key], table.state, sql`coalesce(${table.registeredAt}, ${table.announcedAt})`, table.id)
        .where(sql`${table[key]} is not null`),
    ),
    // By the beginning of an id, whatever the collation of the database.
    index('batches_by_prefix').on(table.id.op('text_pattern_ops')),
    check('batches_state_known', sql`${table.state} in ('announced', 'open', 'complete')`),
    check(
      'batches_registered_unless_announced',
      sql`(${table.state} = 'announced') = (${table.registrationDigest} is null)`,
    ),
    check(
      'batches_counts_add_up',
      sql`${table.openSlots} >= 0 and ${table.openSlots} + ${table.filledCount} + ${table.failedCount} = ${table.expectedCount}`,
    ),
    check(
      'batches_complete_when_full',
      sql`(${table.state} = 'complete') = (${table.state} <> 'announced' and ${table.openSlots} = 0) and (${table.state} = 'complete') = (${table.completedAt} is not null)`,
    ),
  ],
);

export const slots = pgTable(
  'slots',
  {
    essayId: text('essay_id').primaryKey(),
    batchId: text('batch_id').notNull(),
    position: integer('position').notNull(),
    status: text('status').notNull().default('open'),
    textStorageId: text('text_storage_id'),
    fileUploadId: text('file_upload_id'),
    originalFileName: text('original_file_name'),
    assignedAt: instant('assigned_at'),
    assignedBy: text('assigned_by'),
    /** The batch's version that this assignment produced: 1..n without a gap within a batch. */
    batchVersion: bigint('batch_version', { mode: 'number' }),
  },
  (table) => [
    // Open slots have no upload: they lie here in order of position, and filled ones are found by their upload.
    index('slots_by_status').on(table.batchId, table.status, table.fileUploadId, table.position),
    uniqueIndex('slots_one_per_text')
      .on(table.batchId, table.textStorageId)
      .where(sql`${table.textStorageId} is not null`),
    check('slots_status_known', sql`${table.status} in ('open', 'filled', 'failed')`),
    check('slots_filled_has_text', sql`(${table.status} = 'filled') = (${table.textStorageId} is not null)`),
    check('slots_taken_has_version', sql`(${table.status} = 'open') = (${table.batchVersion} is null)`),
  ],
);

export const failures = pgTable(
  'failures',
  {
    batchId: text('batch_id').notNull(),
    fileUploadId: text('file_upload_id').notNull(),
    /** The slot this failure burnt; null when none was open or the upload already had one. */
    essayId: text('essay_id'),
    originalFileName: text('original_file_name').notNull(),
    errorCode: text('error_code').notNull(),
    errorMessage: text('error_message').notNull(),
    correlationId: text('correlation_id').notNull(),
    recordedAt: instant('recorded_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ name: 'failures_one_per_upload', columns: [table.batchId, table.fileUploadId] })],
);

export const excessContents = pgTable(
  'excess_contents',
  {
    batchId: text('batch_id').notNull(),
    textStorageId: text('text_storage_id').notNull(),
    fileUploadId: text('file_upload_id').notNull(),
    originalFileName: text('original_file_name').notNull(),
    correlationId: text('correlation_id').notNull(),
    recordedAt: instant('recorded_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ name: 'excess_one_per_text', columns: [table.batchId, table.textStorageId] })],
);

export const pendingInputs = pgTable(
  'pending_inputs',
  {
    /** Order of arrival: the order in which registration drains them. */
    arrival: bigserial('arrival', { mode: 'number' }).notNull(),
    batchId: text('batch_id').notNull(),
    kind: text('kind').notNull(),
    /** text_storage_id of a content, file_upload_id of a failure. */
    identity: text('identity').notNull(),
    fileUploadId: text('file_upload_id').notNull(),
    originalFileName: text('original_file_name').notNull(),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    correlationId: text('correlation_id').notNull(),
    traceparent: text('traceparent'),
    tracestate: text('tracestate'),
    receivedAt: instant('received_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: 'pending_one_per_identity', columns: [table.batchId, table.kind, table.identity] }),
    // The order in which a registration takes them, some at a time.
    index('pending_by_arrival').on(table.batchId, table.arrival),
    index('pending_by_age').on(table.receivedAt),
    check('pending_kind_known', sql`${table.kind} in ('content', 'failure')`),
  ],
);

export const outbox = pgTable(
  'outbox',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    /** The instance whose transaction wrote the row; it publishes the row while its lease lasts. */
    publisher: text('publisher').notNull(),
    /** As contract/compact-events.ts reads them; text, because every copy must be the same bytes. */
    messages: text('messages').notNull(),
    messageCount: integer('message_count').notNull(),
    attempts: integer('attempts').notNull().default(0),
    /** Not to be taken by anybody else before this instant. */
    dueAt: instant('due_at').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    publishedAt: instant('published_at'),
    dead: boolean('dead').notNull().default(false),
    lastError: text('last_error'),
    /** Indexes of messages that Kafka has acknowledged while others of the row were not: those are not sent again. */
    acknowledged: integer('acknowledged').array().notNull().default(sql`'{}'::integer[]`),
  },
  (table) => [
    index('outbox_unpublished').on(table.dueAt).where(sql`${table.publishedAt} is null and not ${table.dead}`),
    index('outbox_dead').on(table.id).where(sql`${table.dead}`),
    index('outbox_published').on(table.publishedAt).where(sql`${table.publishedAt} is not null`),
  ],
);

/** How far the inputs of a partition are settled in this database, and what was being handled when a process ended. */
export const partitionProgress = pgTable(
  'partition_progress',
  {
    consumerGroup: text('consumer_group').notNull(),
    topic: text('topic').notNull(),
    partition: integer('partition').notNull(),
    /** Everything below it has its disposition. */
    offsetNext: bigint('offset_next', { mode: 'number' }).notNull(),
    /** Timestamp of the last settled record, by which a topic that was made anew is recognised. */
    recordTimestampMs: bigint('record_timestamp_ms', { mode: 'number' }),
    /** The instance that has the records markedFrom <= offset < markedTo in hand; null when nothing is marked. */
    markedBy: text('marked_by'),
    markedFrom: bigint('marked_from', { mode: 'number' }),
    markedTo: bigint('marked_to', { mode: 'number' }),
    /** The record that was handled alone last, and how often it was. */
    suspectOffset: bigint('suspect_offset', { mode: 'number' }),
    suspectCount: integer('suspect_count').notNull().default(0),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.consumerGroup, table.topic, table.partition] })],
);

/** Not used any more; builds up to 0.1.0 read and write it. */
export const partitionAttempts = pgTable(
  'partition_attempts',
  {
    consumerGroup: text('consumer_group').notNull(),
    topic: text('topic').notNull(),
    partition: integer('partition').notNull(),
    /** The committed position at the latest take-over. */
    offsetNext: bigint('offset_next', { mode: 'number' }).notNull(),
    uncleanCount: integer('unclean_count').notNull(),
    owner: text('owner').notNull(),
    suspectOffset: bigint('suspect_offset', { mode: 'number' }),
    suspectCount: integer('suspect_count').notNull().default(0),
    takenAt: instant('taken_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.consumerGroup, table.topic, table.partition] })],
);

/** Whose turn it is to do what one instance does for all. */
export const upkeepTurns = pgTable('upkeep_turns', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  heldUntil: instant('held_until').notNull(),
});
