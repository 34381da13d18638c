/**
 * What a run directory says about the run as a whole. Holds little: dead letters, committed offsets, completions in the
 * outbox. Everything that grows with the load belongs to a batch and is judged slice by slice.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { COLLECTED_FILE, type Collected, readCollected } from '../../collect/collected.ts';
import { REDIS_FILE, redisKeySchema } from '../../collect/redis-keys.ts';
import type { Manifest } from '../../generator/manifest.ts';
import { readJsonLines } from '../../run/json-lines.ts';
import { readLostEvents } from '../../run/lost-events.ts';
import type { FaultRecord, PhaseRecord } from '../../run/records.ts';
import type { RunDirectory } from '../../run/run-directory.ts';
import { type InputLimits, inputLimitsOf, type JudgedInput, type LooseInput } from './input-records.ts';
import { type Letter, readLetter } from './output-records.ts';
import type { GapNotes } from './run-notes.ts';

/** After it, partitions are read again from where the new server knows them. */
export const PROMOTION_FAULT = 'postgres-promotion';

const HINT_KEY = /(?:^|[:.])hint:(.+)$/;

/** What is known before the files that grow with the load are read. */
export interface RunBasics {
  readonly directory: RunDirectory;
  readonly faults: readonly FaultRecord[];
  /** Something was broken on purpose: an event may have been published more than once, with equal bytes. */
  readonly isFaulty: boolean;
  readonly phases: readonly PhaseRecord[];
  /** False where a script failed or was interrupted before it waited for rest: what is left undone then is no fault. */
  readonly wasGivenTime: boolean;
  readonly collected: Collected | null;
  /** Manifest of the generator, where the run had one load. */
  readonly manifest: Manifest | null;
  /** By the address of the record that was set aside. */
  readonly letters: ReadonlyMap<string, readonly Letter[]>;
  /** By `topic/partition`: the next offset the consumer group would read. */
  readonly committed: ReadonlyMap<string, number>;
  readonly isAudited: boolean;
  /** False where the run did without triggers on purpose: then what only they can tell is no question. */
  readonly isAuditWanted: boolean;
  /** Transactions were used: offsets without a record are markers, or records that were taken back. */
  readonly hasTransactions: boolean;
  /** Ids of events that a failover took back: their transactions were on the server that died, and not on the other. */
  readonly lostEvents: ReadonlySet<string>;
  /** Event ids that Redis held hints for, and when that was seen. */
  readonly hints: ReadonlyMap<string, number>;
  /** What the workers of this run were set to accept. */
  readonly limits: InputLimits;
}

export interface RunEvidence extends RunBasics {
  readonly outbox: OutboxEvidence;
  /** Of essay ids that a refused registration asked for: the batch that has them. */
  readonly ownersOfRefused: ReadonlyMap<string, string>;
  /** Records in the input topics. */
  readonly inputs: number;
  /** Of gateways: whether such took part. */
  readonly clients: { readonly users: boolean; readonly watchers: boolean };
  /** Addresses of input records that a letter names. */
  readonly lettersFound: ReadonlySet<string>;
  /** Event ids that Redis held hints for and nobody sent. */
  readonly hintsUnsent: ReadonlySet<string>;
  /** Lines found by file, relative to the run directory. */
  readonly lines: ReadonlyMap<string, number>;
  readonly gaps: GapNotes;
  /** Faults during which the database changed. */
  readonly faultsMetWork: number;
}

export interface OutboxEvidence {
  readonly rows: number;
  readonly unpublished: number;
  readonly dead: number;
  /** Rows that another instance published than had written them. */
  readonly takeovers: number;
  /** By event id of a completion: its row, and the transaction that wrote it where that is known. */
  readonly completions: ReadonlyMap<string, { readonly rowId: number; readonly txid: number | null }>;
  /** False when rows were deleted: what is not there may have been. */
  readonly isWhole: boolean;
}

export async function gatherBasics(directory: RunDirectory): Promise<RunBasics> {
  const collected = await readCollected(directory.file(COLLECTED_FILE));
  const faults = await all(directory.readFaults());
  const phases = await all(directory.readPhases());
  return {
    directory,
    faults,
    isFaulty: faults.length > 0,
    phases,
    wasGivenTime: phases.some(({ name }) => name === 'quiescence'),
    collected,
    manifest: await readManifest(directory.file('manifest.json')),
    letters: await readLetters(directory),
    committed: committedOf(collected),
    isAudited: collected?.audited ?? existsSync(directory.file('tables', 'audit.jsonl')),
    isAuditWanted: directory.environment.options['audit'] !== false,
    hasTransactions: directory.environment.options['transactions'] === true,
    lostEvents: await readLostEvents(directory),
    hints: await readHints(directory),
    limits: inputLimitsOf(directory.environment.options),
  };
}

/** Whether the record was not processed yet when everything stopped; then its fate is not decided. */
export function isUnprocessed(input: JudgedInput | LooseInput, run: RunEvidence): boolean {
  const committed = run.committed.get(`${input.topic}/${input.partition}`);
  return committed !== undefined && input.offset >= committed;
}

async function all<T>(records: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const record of records) found.push(record);
  return found;
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

async function readManifest(path: string): Promise<Manifest | null> {
  // Written by the generator of the same checkout; its shape is a cross-check, not evidence.
  return existsSync(path) ? (JSON.parse(await readFile(path, 'utf8')) as Manifest) : null;
}
