/**
 * Reads a run directory, every file once: what concerns the run as a whole is noted on the way, what concerns a batch
 * goes into slices, each of which fits in memory.
 */
import { existsSync, statSync } from 'node:fs';
import { z } from 'zod';
import { expandEvents } from '../../../src/contract/compact-events.ts';
import { EVENT_TYPES } from '../../../src/contract/topics.ts';
import { clientRecordSchema } from '../../run/client-record.ts';
import { eachJsonLine } from '../../run/json-lines.ts';
import { historyRecordSchema, tableRowSchema, topicRecordSchema } from '../../run/records.ts';
import type { RunDirectory, TableFile, TopicFile } from '../../run/run-directory.ts';
import { addressOf, bytesDigest, type InputReader, inputReaderOf, type LooseInput } from './input-records.ts';
import { readOutput } from './output-records.ts';
import { auditEntry, batchRow, excessRow, failureRow, outboxRow, pendingRow, slotRow } from './rows.ts';
import { gatherBasics, type OutboxEvidence, type RunBasics, type RunEvidence } from './run-evidence.ts';
import { FaultWindows, GapNotes, OwnerSearch } from './run-notes.ts';
import type { Piece, Slice } from './slice-evidence.ts';
import { SliceStore } from './slice-store.ts';

/** Bytes of files whose content is held at a time; in memory it takes two to three times as much. */
const PART_BYTES_MAX = 256 * 1024 * 1024;
const FILES = [
  'topics/in',
  'topics/out',
  'tables/slots',
  'tables/excess_contents',
  'tables/audit',
  'history',
  'clients',
];

export interface ReadRun {
  readonly run: RunEvidence;
  /** One after the other, once. */
  slices(): AsyncGenerator<Slice>;
  /** Removes what was put aside. */
  close(): Promise<void>;
}

export async function readRun(directory: RunDirectory, bytesMax = PART_BYTES_MAX): Promise<ReadRun> {
  const paths = FILES.map((file) => directory.file(`${file}.jsonl`)).filter((path) => existsSync(path));
  paths.push(...(await directory.clientsFiles()).map((file) => directory.file(file)));
  const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
  const basics = await gatherBasics(directory);
  const store = new SliceStore(Math.ceil(bytes / bytesMax));
  try {
    const run = await new Reading(directory, basics, store).read();
    return { run, slices: () => store.slices(), close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

class Reading {
  private readonly directory: RunDirectory;
  private readonly basics: RunBasics;
  private readonly store: SliceStore;
  private readonly readInput: InputReader;
  private readonly lines = new Map<string, number>();
  private readonly gaps = new GapNotes();
  private readonly owners: OwnerSearch;
  private readonly faults: FaultWindows;
  private readonly lettersFound = new Set<string>();
  private readonly hintsUnsent: Set<string>;
  private readonly outboxWriters = new Map<number, { txid: number; publisher: unknown }>();
  private readonly outbox = { rows: 0, unpublished: 0, dead: 0, isWhole: true, takeovers: 0 };
  private readonly completions = new Map<string, { readonly rowId: number; readonly txid: number | null }>();
  private inputs = 0;
  private readonly clients = { users: false, watchers: false };

  constructor(directory: RunDirectory, basics: RunBasics, store: SliceStore) {
    this.directory = directory;
    this.basics = basics;
    this.store = store;
    this.readInput = inputReaderOf(basics.limits);
    this.hintsUnsent = new Set(basics.hints.keys());
    this.owners = new OwnerSearch(basics.letters);
    this.faults = new FaultWindows(basics.faults);
  }

  async read(): Promise<RunEvidence> {
    await this.readTopics();
    await this.readTables();
    await this.readHistory();
    await this.readClients();
    const { rows, unpublished, dead, isWhole, takeovers } = this.outbox;
    const outbox: OutboxEvidence = { rows, unpublished, dead, isWhole, takeovers, completions: this.completions };
    return {
      ...this.basics,
      outbox,
      ownersOfRefused: this.owners.found,
      inputs: this.inputs,
      clients: this.clients,
      lettersFound: this.lettersFound,
      hintsUnsent: this.hintsUnsent,
      lines: this.lines,
      gaps: this.gaps,
      faultsMetWork: this.faults.metWork,
    };
  }

  private async readTopics(): Promise<void> {
    await this.topic('dlq', () => undefined);
    await this.topic('in', (record) => {
      this.inputs++;
      const input = this.readInput(record);
      const key = isLoose(input) ? addressOf(input) : input.batchId;
      if (input.kind === 'content' || input.kind === 'failure') this.hintsUnsent.delete(input.eventId);
      if (this.basics.letters.size > 0) this.noteSetAside(record, input, key);
      if (isLoose(input)) this.store.add(key, { of: 'loose', what: input });
      else this.store.add(key, { of: 'input', what: input });
    });
    await this.topic('out', (record) => {
      const output = readOutput(record);
      if (output.kind === 'malformed') this.store.add(addressOf(output), { of: 'malformed', what: output });
      else {
        const wasLost = this.basics.lostEvents.has(output.eventId);
        this.store.add(output.batchId, { of: 'output', what: wasLost ? { ...output, wasLost } : output });
      }
    });
  }

  private noteSetAside(...[record, input, key]: [Parameters<InputReader>[0], ReturnType<InputReader>, string]): void {
    const address = addressOf(input);
    const letters = this.basics.letters.get(address);
    if (letters === undefined) return;
    this.lettersFound.add(address);
    this.owners.noteInput(address, input);
    this.store.add(key, { of: 'setAside', what: { input, bytes: bytesDigest(record), letters } });
  }

  private async readTables(): Promise<void> {
    await this.rows('batches', batchRow, 'batch', (row) => row.id);
    await this.table('slots', (line) => {
      const row = slotRow.parse(line);
      this.owners.noteSlot(row.essayId, row.batchId);
      this.store.add(row.batchId, { of: 'slot', what: row });
    });
    await this.rows('excess_contents', excessRow, 'excess', (row) => row.batchId);
    await this.rows('failures', failureRow, 'failure', (row) => row.batchId);
    await this.rows('pending_inputs', pendingRow, 'pending', (row) => row.batchId);
    await this.table('audit', (line) => this.readAudit(line));
    await this.table('outbox', (line) => this.readOutbox(line));
  }

  private readAudit(line: unknown): void {
    const entry = auditEntry.parse(line);
    const { batchId } = entry;
    this.faults.noteChange(entry.atMs);
    if (batchId !== null) this.store.add(batchId, { of: 'audit', what: { ...entry, batchId } });
    if (entry.table !== 'outbox') return;
    if (entry.operation !== 'insert') this.outbox.isWhole = false;
    else this.outboxWriters.set(Number(entry.rowId), { txid: entry.txid, publisher: entry.new?.['publisher'] });
  }

  private readOutbox(line: unknown): void {
    const row = outboxRow.parse(line);
    const writer = this.outboxWriters.get(row.id);
    this.outbox.rows++;
    if (row.isDead) this.outbox.dead++;
    else if (!row.isPublished) this.outbox.unpublished++;
    if (writer !== undefined && writer.publisher !== row.publisher) this.outbox.takeovers++;
    if (!row.messages.includes(EVENT_TYPES.completed)) return;
    for (const { headers } of expandEvents(row.messages)) {
      if (headers['event_type'] !== EVENT_TYPES.completed) continue;
      this.completions.set(String(headers['event_id']), { rowId: row.id, txid: writer?.txid ?? null });
    }
  }

  /** What the client noted before and after each send, for inputs that name what they are about. */
  private async readHistory(): Promise<void> {
    const file = 'history.jsonl';
    const count = await eachJsonLine(this.directory.file(file), historyRecordSchema, (record) => {
      const { index, key, f, type, value } = record;
      this.gaps.noteHistory(index);
      if (type !== 'invoke' && type !== 'ok') return;
      const input = sentInput.safeParse(value ?? {}).data;
      const identity = f === 'content' ? input?.textStorageId : f === 'failure' ? input?.fileUploadId : undefined;
      if (identity === undefined) return;
      const what = { batchId: key, identity: `${f} ${identity}`, isAcknowledged: type === 'ok' };
      this.store.add(key, { of: 'sent', what });
    });
    this.lines.set(file, count);
  }

  private async readClients(): Promise<void> {
    for (const file of await this.directory.clientsFiles()) {
      await eachJsonLine(this.directory.file(file), clientRecordSchema, (record) => {
        this.clients.users ||= record.what === 'answer';
        this.clients.watchers ||= record.what === 'connected';
        this.store.add(record.batchId, { of: 'client', what: record });
      });
    }
  }

  private async topic(file: TopicFile, onRecord: (record: Parameters<InputReader>[0]) => void): Promise<void> {
    const count = await eachJsonLine(this.directory.file('topics', `${file}.jsonl`), topicRecordSchema, (record) => {
      this.gaps.noteRecord(file, record);
      onRecord(record);
    });
    this.lines.set(`topics/${file}.jsonl`, count);
  }

  private async table(table: TableFile, onRow: (row: unknown) => void): Promise<void> {
    const count = await eachJsonLine(this.directory.file('tables', `${table}.jsonl`), tableRowSchema, onRow);
    this.lines.set(`tables/${table}.jsonl`, count);
  }

  private async rows<Schema extends z.ZodType>(
    table: TableFile,
    schema: Schema,
    of: Piece['of'],
    keyOf: (row: z.infer<Schema>) => string,
  ): Promise<void> {
    await this.table(table, (line) => {
      const row = schema.parse(line);
      this.store.add(keyOf(row), { of, what: row } as Piece);
    });
  }
}

function isLoose(input: ReturnType<InputReader>): input is LooseInput {
  return input.kind === 'invalid' || input.kind === 'ignored';
}

const sentInput = z.object({ textStorageId: z.string().optional(), fileUploadId: z.string().optional() });
