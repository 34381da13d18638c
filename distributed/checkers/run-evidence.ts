/**
 * What a run directory says about the run as a whole. Holds little: dead letters, committed offsets, completions in the
 * outbox. Everything that grows with the load belongs to a batch and is read part by part.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { EVENT_TYPES } from '../../src/contract/topics.ts';
import { COLLECTED_FILE, type Collected, readCollected } from '../collect/collected.ts';
import { REDIS_FILE, redisKeySchema } from '../collect/redis-keys.ts';
import type { Manifest } from '../generator/manifest.ts';
import { readJsonLines } from '../run/json-lines.ts';
import type { PhaseRecord } from '../run/records.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { type JudgedInput, type LooseInput, placeName, readInput } from './input-records.ts';
import { type Letter, readLetter } from './output-records.ts';
import { auditEntry, outboxRow, slotRow } from './rows.ts';

export interface RunEvidence {
  readonly directory: RunDirectory;
  /** Something was broken on purpose: an event may have been published more than once, with equal bytes. */
  readonly isFaulty: boolean;
  readonly phases: readonly PhaseRecord[];
  readonly collected: Collected | null;
  /** Manifest of the generator, where the run had one load. */
  readonly manifest: Manifest | null;
  /** By the place of the record that was set aside. */
  readonly letters: ReadonlyMap<string, readonly Letter[]>;
  /** By `topic/partition`: the next offset the group would read. */
  readonly committed: ReadonlyMap<string, number>;
  readonly outbox: OutboxEvidence;
  readonly isAudited: boolean;
  /** False where the run did without triggers on purpose: then what only they can tell is no question. */
  readonly isAuditWanted: boolean;
  /** Event ids that Redis held hints for, and when that was seen. */
  readonly hints: ReadonlyMap<string, number>;
  /** Of essay ids that a refused registration asked for: the batch that has them. */
  readonly ownersOfRefused: ReadonlyMap<string, string>;
}

export interface OutboxEvidence {
  readonly rows: number;
  readonly unpublished: number;
  readonly dead: number;
  /** By event id of a completion: its row, and the transaction that wrote it where that is known. */
  readonly completions: ReadonlyMap<string, { readonly rowId: number; readonly txid: number | null }>;
  /** False when rows were deleted: what is not there may have been. */
  readonly isWhole: boolean;
}

export async function gatherRun(directory: RunDirectory): Promise<RunEvidence> {
  const collected = await readCollected(directory.file(COLLECTED_FILE));
  const letters = await readLetters(directory);
  return {
    directory,
    isFaulty: !(await directory.readFaults().next()).done,
    phases: await readPhases(directory),
    collected,
    manifest: await readManifest(directory.file('manifest.json')),
    letters,
    committed: committedOf(collected),
    outbox: await readOutbox(directory),
    isAudited: collected?.audited ?? existsSync(directory.file('tables', 'audit.jsonl')),
    isAuditWanted: directory.environment.options['audit'] !== false,
    hints: await readHints(directory),
    ownersOfRefused: await findOwners(directory, letters),
  };
}

/** Whether the record was not processed yet when everything stopped; then its fate is not decided. */
export function isUnprocessed(input: JudgedInput | LooseInput, run: RunEvidence): boolean {
  const committed = run.committed.get(`${input.topic}/${input.partition}`);
  return committed !== undefined && input.offset >= committed;
}

async function readPhases(directory: RunDirectory): Promise<PhaseRecord[]> {
  const phases: PhaseRecord[] = [];
  for await (const phase of directory.readPhases()) phases.push(phase);
  return phases;
}

async function readHints(directory: RunDirectory): Promise<Map<string, number>> {
  const hints = new Map<string, number>();
  for await (const { key, wallMs } of readJsonLines(directory.file(REDIS_FILE), redisKeySchema)) {
    const eventId = HINT_KEY.exec(key)?.[1];
    // The earliest sighting is the one that may have been too early.
    if (eventId !== undefined && !hints.has(eventId)) hints.set(eventId, wallMs);
  }
  return hints;
}

const HINT_KEY = /(?:^|[:.])hint:(.+)$/;

async function readLetters(directory: RunDirectory): Promise<Map<string, Letter[]>> {
  const letters = new Map<string, Letter[]>();
  for await (const record of directory.readTopic('dlq')) {
    const letter = readLetter(record);
    letters.set(letter.origin, [...(letters.get(letter.origin) ?? []), letter]);
  }
  return letters;
}

function committedOf(collected: Collected | null): Map<string, number> {
  const committed = new Map<string, number>();
  for (const { topic, partition, committed: offset, low } of collected?.partitions ?? []) {
    if (offset !== undefined) committed.set(`${topic}/${partition}`, offset ?? low);
  }
  return committed;
}

async function readOutbox(directory: RunDirectory): Promise<OutboxEvidence> {
  const txids = new Map<number, number>();
  let isWhole = true;
  for await (const row of directory.readTable('audit')) {
    if (row['table_name'] !== 'outbox') continue;
    const entry = auditEntry.parse(row);
    if (entry.operation === 'insert') txids.set(Number(entry.rowId), entry.txid);
    else isWhole = false;
  }
  const counts = { rows: 0, unpublished: 0, dead: 0 };
  const completions = new Map<string, { rowId: number; txid: number | null }>();
  for await (const line of directory.readTable('outbox')) {
    const row = outboxRow.parse(line);
    counts.rows++;
    if (row.isDead) counts.dead++;
    else if (!row.isPublished) counts.unpublished++;
    if (!row.messages.includes(EVENT_TYPES.completed)) continue;
    for (const { headers } of storedMessages.parse(JSON.parse(row.messages))) {
      if (headers.event_type !== EVENT_TYPES.completed) continue;
      completions.set(headers.event_id, { rowId: row.id, txid: txids.get(row.id) ?? null });
    }
  }
  return { ...counts, completions, isWhole };
}

const storedMessages = z.array(z.object({ headers: z.object({ event_id: z.string(), event_type: z.string() }) }));

/** A registration may be refused because its slots are another batch's: then that batch must have them. */
async function findOwners(
  directory: RunDirectory,
  letters: ReadonlyMap<string, readonly Letter[]>,
): Promise<Map<string, string>> {
  const owners = new Map<string, string>();
  const refused = [...letters].filter(([, copies]) =>
    copies.some(({ reason }) => reason === 'conflicting_registration'),
  );
  if (refused.length === 0) return owners;
  const places = new Set(refused.map(([origin]) => origin));
  const asked = new Set<string>();
  for await (const record of directory.readTopic('in')) {
    if (!places.has(placeName(record))) continue;
    const input = readInput(record);
    if (input.kind === 'registration') for (const id of input.essayIds) asked.add(id);
  }
  for await (const line of directory.readTable('slots')) {
    if (typeof line['essay_id'] !== 'string' || !asked.has(line['essay_id'])) continue;
    const { essayId, batchId } = slotRow.parse(line);
    owners.set(essayId, batchId);
  }
  return owners;
}

async function readManifest(path: string): Promise<Manifest | null> {
  // Written by the generator of the same checkout; its shape is a cross-check, not evidence.
  return existsSync(path) ? (JSON.parse(await readFile(path, 'utf8')) as Manifest) : null;
}
