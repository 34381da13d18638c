/**
 * Reads the batches of one part of a run. A run is judged in so many parts that each fits in memory: every file is read
 * once per part, and only what belongs to the part's batches is kept.
 */
import { existsSync, statSync } from 'node:fs';
import { z } from 'zod';
import type { TableFile } from '../run/run-directory.ts';
import { BatchEvidence } from './batch-evidence.ts';
import { bytesDigest, type JudgedInput, type LooseInput, placeName, readInput } from './input-records.ts';
import { type Letter, type MalformedOutput, readOutput } from './output-records.ts';
import { auditEntry, batchRow, excessRow, failureRow, pendingRow, slotRow } from './rows.ts';
import type { RunEvidence } from './run-evidence.ts';

export interface PartEvidence {
  readonly batches: ReadonlyMap<string, BatchEvidence>;
  readonly loose: readonly LooseInput[];
  readonly malformed: readonly MalformedOutput[];
  readonly setAside: readonly SetAside[];
}

/** An input record and the dead letters that name it. */
export interface SetAside {
  readonly input: JudgedInput | LooseInput;
  readonly bytes: string;
  readonly letters: readonly Letter[];
}

/** Bytes of files whose content is held at a time; in memory it takes two to three times as much. */
const PART_BYTES_MAX = 384 * 1024 * 1024;
const FILES = ['topics/in', 'topics/out', 'tables/slots', 'tables/excess_contents', 'tables/audit', 'history'];

/** All parts, one after the other; so many that the files that grow with the load have at most `bytesMax` per part. */
export async function* readParts(run: RunEvidence, bytesMax = PART_BYTES_MAX): AsyncGenerator<PartEvidence> {
  const paths = FILES.map((file) => run.directory.file(`${file}.jsonl`)).filter((path) => existsSync(path));
  const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
  const parts = Math.max(1, Math.ceil(bytes / bytesMax));
  for (let part = 0; part < parts; part++) {
    const reader = new PartReader(run, (key) => hashOf(key) % parts === part);
    await reader.readInputs();
    await reader.readOutputs();
    await reader.readTables();
    await reader.readHistory();
    yield reader;
  }
}

class PartReader implements PartEvidence {
  readonly batches = new Map<string, BatchEvidence>();
  readonly loose: LooseInput[] = [];
  readonly malformed: MalformedOutput[] = [];
  readonly setAside: SetAside[] = [];

  private readonly run: RunEvidence;
  private readonly isOurs: (key: string) => boolean;

  constructor(run: RunEvidence, isOurs: (key: string) => boolean) {
    this.run = run;
    this.isOurs = isOurs;
  }

  async readInputs(): Promise<void> {
    for await (const record of this.run.directory.readTopic('in')) {
      const input = readInput(record);
      if (!this.isOurs(isLoose(input) ? placeName(input) : input.batchId)) continue;
      const letters = this.run.letters.get(placeName(input));
      if (letters !== undefined) this.setAside.push({ input, bytes: bytesDigest(record), letters });
      if (isLoose(input)) this.loose.push(input);
      else if (input.kind === 'registration') this.batch(input.batchId).registrations.push(input);
      else if (input.kind === 'content') this.batch(input.batchId).contents.push(input);
      else this.batch(input.batchId).failures.push(input);
    }
  }

  async readOutputs(): Promise<void> {
    for await (const record of this.run.directory.readTopic('out')) {
      const output = readOutput(record);
      if (!this.isOurs(output.kind === 'malformed' ? placeName(output) : output.batchId)) continue;
      if (output.kind === 'malformed') this.malformed.push(output);
      else if (output.kind === 'slotAssigned') this.batch(output.batchId).assigned.push(output);
      else if (output.kind === 'excess') this.batch(output.batchId).excessEvents.push(output);
      else this.batch(output.batchId).completed.push(output);
    }
  }

  async readTables(): Promise<void> {
    await this.read(
      'batches',
      batchRow,
      (row) => row.id,
      (batch, row) => {
        batch.row = row;
      },
    );
    await this.read(
      'slots',
      slotRow,
      (row) => row.batchId,
      (batch, row) => batch.slots.push(row),
    );
    await this.read(
      'excess_contents',
      excessRow,
      (row) => row.batchId,
      (batch, row) => batch.excess.push(row),
    );
    await this.read(
      'failures',
      failureRow,
      (row) => row.batchId,
      (batch, row) => batch.failureRows.push(row),
    );
    await this.read(
      'pending_inputs',
      pendingRow,
      (row) => row.batchId,
      (batch, row) => batch.pending.push(row),
    );
    await this.read(
      'audit',
      auditEntry,
      (row) => row.batchId,
      (batch, row) => batch.audit.push(row),
    );
    for (const batch of this.batches.values()) batch.audit.sort((one, other) => one.seq - other.seq);
  }

  /** What the client noted before and after each send, for inputs that name what they are about. */
  async readHistory(): Promise<void> {
    for await (const { key, f, type, value } of this.run.directory.readHistory()) {
      if ((type !== 'invoke' && type !== 'ok') || !this.isOurs(key)) continue;
      const input = sentInput.safeParse(value ?? {});
      if (!input.success) continue;
      const identity =
        f === 'content' ? input.data.textStorageId : f === 'failure' ? input.data.fileUploadId : undefined;
      if (identity === undefined) continue;
      const { sent } = this.batch(key);
      const counts = sent.get(`${f} ${identity}`) ?? { invoked: 0, acknowledged: 0 };
      if (type === 'invoke') counts.invoked++;
      else counts.acknowledged++;
      sent.set(`${f} ${identity}`, counts);
    }
  }

  private async read<Schema extends z.ZodType>(
    table: TableFile,
    schema: Schema,
    batchIdOf: (row: z.infer<Schema>) => string | null,
    keep: (batch: BatchEvidence, row: z.infer<Schema>) => void,
  ): Promise<void> {
    for await (const line of this.run.directory.readTable(table)) {
      const row = schema.parse(line);
      const batchId = batchIdOf(row);
      if (batchId !== null && this.isOurs(batchId)) keep(this.batch(batchId), row);
    }
  }

  private batch(batchId: string): BatchEvidence {
    const known = this.batches.get(batchId);
    if (known !== undefined) return known;
    const batch = new BatchEvidence(batchId);
    this.batches.set(batchId, batch);
    return batch;
  }
}

function isLoose(input: JudgedInput | LooseInput): input is LooseInput {
  return input.kind === 'invalid' || input.kind === 'ignored';
}

const sentInput = z.object({ textStorageId: z.string().optional(), fileUploadId: z.string().optional() });

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
