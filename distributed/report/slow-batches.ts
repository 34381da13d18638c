/**
 * The batches that took longest from their last slot's content being due to their completion in Kafka, each with the
 * instants of its life. Batches that never completed are not slow but unfinished, and only counted.
 */
import { EVENT_TYPES } from '../../src/contract/topics.ts';
import { inputValueSchema, type TableRow } from '../run/records.ts';
import type { RunDirectory } from '../run/run-directory.ts';

const SLOT_INSTANTS_MAX = 400;

export const SLOW_BATCHES_MAX = 10;

/** Instants are milliseconds since the epoch. */
export interface BatchTimeline {
  readonly batchId: string;
  readonly slotCount: number;
  readonly registrationDueMs: number | null;
  readonly registeredMs: number | null;
  readonly firstDueMs: number | null;
  /** Of the inputs that took this batch's slots: later duplicates do not count. */
  readonly lastDueMs: number | null;
  readonly slotMs: readonly number[];
  readonly completedMs: number;
  readonly announcedMs: number | null;
  readonly latencyMs: number;
}

export interface SlowBatches {
  readonly timelines: readonly BatchTimeline[];
  readonly completedCount: number;
  readonly unfinishedCount: number;
}

interface BatchLife {
  slotCount: number;
  registeredMs: number | null;
  completedMs: number | null;
  announcedMs: number | null;
  registrationDueMs: number | null;
  firstDueMs: number | null;
  lastDueMs: number | null;
  slotMs: number[];
}

export async function findSlowBatches(run: RunDirectory): Promise<SlowBatches> {
  const lives = await readLives(run);
  await readAnnouncements(run, lives);
  const takers = await readTakers(run);
  await readDueTimes(run, lives, takers);
  const completed = [...lives].flatMap(([batchId, life]) => timelineOf(batchId, life) ?? []);
  const timelines = completed.sort((left, right) => right.latencyMs - left.latencyMs).slice(0, SLOW_BATCHES_MAX);
  await readSlotInstants(run, lives, new Set(timelines.map(({ batchId }) => batchId)));
  return {
    timelines: timelines.map((timeline) => ({ ...timeline, slotMs: lives.get(timeline.batchId)?.slotMs ?? [] })),
    completedCount: completed.length,
    unfinishedCount: lives.size - completed.length,
  };
}

async function readLives(run: RunDirectory): Promise<Map<string, BatchLife>> {
  const lives = new Map<string, BatchLife>();
  for await (const row of run.readTable('batches')) {
    lives.set(text(row, 'id'), {
      slotCount: Number(row['expected_count'] ?? 0),
      registeredMs: instant(row, 'registered_at'),
      completedMs: instant(row, 'completed_at'),
      announcedMs: null,
      registrationDueMs: null,
      firstDueMs: null,
      lastDueMs: null,
      slotMs: [],
    });
  }
  return lives;
}

async function readAnnouncements(run: RunDirectory, lives: ReadonlyMap<string, BatchLife>): Promise<void> {
  for await (const { topic, key, timestampMs } of run.readTopic('out')) {
    if (!topic.endsWith(EVENT_TYPES.completed)) continue;
    const life = lives.get(key ?? '');
    if (life !== undefined) life.announcedMs = Math.min(life.announcedMs ?? timestampMs, timestampMs);
  }
}

/** Inputs that took a slot, by batch and identity. */
async function readTakers(run: RunDirectory): Promise<Set<string>> {
  const takers = new Set<string>();
  for await (const row of run.readTable('slots')) {
    const identity = text(row, 'text_storage_id');
    if (identity !== '') takers.add(takerKey(text(row, 'batch_id'), identity));
  }
  for await (const row of run.readTable('failures')) {
    if (row['essay_id']) takers.add(takerKey(text(row, 'batch_id'), text(row, 'file_upload_id')));
  }
  return takers;
}

/** The first sending of an input counts. */
async function readDueTimes(
  run: RunDirectory,
  lives: ReadonlyMap<string, BatchLife>,
  takers: Set<string>,
): Promise<void> {
  for await (const { type, f, key, value } of run.readHistory()) {
    const life = type === 'invoke' ? lives.get(key) : undefined;
    const input = life === undefined ? undefined : inputValueSchema.safeParse(value).data;
    if (life === undefined || input === undefined) continue;
    const { dueWallMs } = input;
    if (f === 'registration') {
      life.registrationDueMs ??= dueWallMs;
      continue;
    }
    const identity = f === 'failure' ? input.fileUploadId : input.textStorageId;
    if (identity === undefined || !takers.delete(takerKey(key, identity))) continue;
    life.firstDueMs = Math.min(life.firstDueMs ?? dueWallMs, dueWallMs);
    life.lastDueMs = Math.max(life.lastDueMs ?? dueWallMs, dueWallMs);
  }
}

async function readSlotInstants(run: RunDirectory, lives: ReadonlyMap<string, BatchLife>, wanted: Set<string>) {
  for await (const row of run.readTable('slots')) {
    const batchId = text(row, 'batch_id');
    const assignedMs = wanted.has(batchId) ? instant(row, 'assigned_at') : null;
    const slotMs = lives.get(batchId)?.slotMs;
    if (assignedMs !== null && slotMs !== undefined && slotMs.length < SLOT_INSTANTS_MAX) slotMs.push(assignedMs);
  }
}

/** A registration that comes after all contents is what a batch waits for. */
function timelineOf(batchId: string, life: BatchLife): BatchTimeline | null {
  const { completedMs } = life;
  if (completedMs === null) return null;
  const readyMs = Math.max(
    life.lastDueMs ?? Number.NEGATIVE_INFINITY,
    life.registrationDueMs ?? Number.NEGATIVE_INFINITY,
  );
  const doneMs = life.announcedMs ?? completedMs;
  return { batchId, ...life, completedMs, latencyMs: Number.isFinite(readyMs) ? doneMs - readyMs : 0 };
}

function takerKey(batchId: string, identity: string): string {
  return `${batchId}\n${identity}`;
}

function text(row: TableRow, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : '';
}

function instant(row: TableRow, column: string): number | null {
  const value = row[column];
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? null : parsed;
}
