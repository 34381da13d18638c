/** Counterexamples a person can follow: the records that are involved, and what happened to them in order of time. */
import type { Problem } from '../run/results.ts';
import type { BatchEvidence } from './evidence/batch-evidence.ts';
import { addressOf } from './evidence/input-records.ts';
import type { AuditEntry } from './evidence/rows.ts';

const RECORDS_SHOWN_MAX = 12;
const EVENTS_SHOWN_MAX = 30;
const EVENTS_SHOWN_FIRST = 10;

/** What a problem is about; without any of them it is about the whole batch. */
export interface Concern {
  readonly identities?: readonly string[];
  readonly essayIds?: readonly string[];
}

interface Happening {
  readonly wallMs: number;
  readonly text: string;
  readonly record: string;
  readonly process?: string;
}

export function problemOf(batch: BatchEvidence, message: string, concern: Concern = {}): Problem {
  const happenings = [...inputsOf(batch, concern), ...changesOf(batch, concern), ...outputsOf(batch, concern)];
  happenings.sort((one, other) => one.wallMs - other.wallMs);
  const timeline = shorten(happenings).map(({ wallMs, text, process }) => {
    return { wallMs, text, ...(process === undefined ? {} : { process }) };
  });
  const records = [...new Set(happenings.map((each) => each.record))].slice(0, RECORDS_SHOWN_MAX);
  return { message: `batch ${batch.batchId}: ${message}`, batchId: batch.batchId, records, timeline };
}

/** How it began and how it ended. */
function shorten(happenings: readonly Happening[]): Happening[] {
  const left = happenings.length - EVENTS_SHOWN_MAX;
  if (left <= 0) return [...happenings];
  const [first, last] = [happenings.slice(0, EVENTS_SHOWN_FIRST), happenings.slice(EVENTS_SHOWN_FIRST + left)];
  return [...first, { wallMs: last[0]?.wallMs ?? 0, text: `${left} more`, record: '' }, ...last];
}

function inputsOf(batch: BatchEvidence, concern: Concern): Happening[] {
  const inputs = [
    ...batch.registrations.map((input) => ({
      input,
      identity: '',
      text: `registration of ${input.essayIds.length} slots`,
    })),
    ...batch.contents.map((input) => ({
      input,
      identity: input.textStorageId,
      text: `content ${input.textStorageId}`,
    })),
    ...batch.failures.map((input) => ({
      input,
      identity: input.fileUploadId,
      text: `failure of ${input.fileUploadId}`,
    })),
  ];
  return inputs
    .filter(({ identity }) => identity === '' || isConcerned(concern.identities, identity, concern))
    .map(({ input, text }) => ({ wallMs: input.timestampMs, text: `sent: ${text}`, record: addressOf(input) }));
}

function changesOf(batch: BatchEvidence, concern: Concern): Happening[] {
  return batch.audit
    .filter((entry) => (entry.table === 'batches' ? isTurn(entry, concern) : isEntryConcerned(entry, concern)))
    .map((entry) => {
      const by = entry.new?.['assigned_by'];
      return {
        wallMs: entry.committedAtMs ?? entry.atMs,
        text: `${describeChange(entry)} in transaction ${entry.txid}`,
        record: entry.table === 'slots' ? `slots ${entry.rowId}` : `audit ${entry.seq}`,
        ...(typeof by === 'string' ? { process: by } : {}),
      };
    });
}

function outputsOf(batch: BatchEvidence, concern: Concern): Happening[] {
  const outputs = [
    ...batch.assigned.map((output) => ({
      output,
      // Found by its content or by its slot.
      identity: concern.essayIds?.includes(output.essayId) ? '' : output.textStorageId,
      text: `${output.textStorageId} got slot ${output.essayId}`,
    })),
    ...batch.excessEvents.map((output) => ({
      output,
      identity: output.textStorageId,
      text: `${output.textStorageId} is excess`,
    })),
    ...batch.completed.map((output) => ({
      output,
      identity: '',
      text: `complete with ${output.provisionedCount} essays, event ${output.eventId}`,
    })),
  ];
  return outputs
    .filter(({ identity }) => identity === '' || isConcerned(concern.identities, identity, concern))
    .map(({ output, text }) => ({ wallMs: output.timestampMs, text: `published: ${text}`, record: addressOf(output) }));
}

/**
 * Of the batch row everything where the problem is about the batch, else only where it turned from one state to
 * another.
 */
function isTurn(entry: AuditEntry, concern: Concern): boolean {
  const isWhole = concern.identities === undefined && concern.essayIds === undefined;
  return isWhole || entry.old?.['state'] !== entry.new?.['state'];
}

function isEntryConcerned(entry: AuditEntry, concern: Concern): boolean {
  if (concern.identities === undefined && concern.essayIds === undefined) return true;
  const texts = [entry.new?.['text_storage_id'], entry.old?.['text_storage_id'], entry.new?.['file_upload_id']];
  const isText = texts.some((text) => typeof text === 'string' && concern.identities?.includes(text));
  const isRow =
    entry.rowId !== null && [...(concern.identities ?? []), ...(concern.essayIds ?? [])].includes(entry.rowId);
  return isText || isRow;
}

function isConcerned(identities: readonly string[] | undefined, identity: string, concern: Concern): boolean {
  return identities === undefined ? concern.essayIds === undefined : identities.includes(identity);
}

function describeChange({ table, operation, rowId, old, new: now }: AuditEntry): string {
  if (table === 'slots' && operation === 'update') {
    return `slot ${rowId} (${String(now?.['position'])}): ${stateOf(old)} -> ${stateOf(now)}`;
  }
  if (table === 'batches') return `batch row: ${rowOf(old)} -> ${rowOf(now)}`;
  return `${operation} of ${table} ${rowId ?? ''}`;
}

function stateOf(slot: AuditEntry['new']): string {
  const content = slot?.['text_storage_id'];
  return `${String(slot?.['status'])}${typeof content === 'string' ? ` ${content}` : ''}`;
}

function rowOf(row: AuditEntry['new']): string {
  return row === null
    ? 'none'
    : `${String(row['state'])}, ${String(row['open_slots'])} open, version ${String(row['version'])}`;
}
