/**
 * I20: live progress, judged from what each client wrote down against the slots as they are stored in the end: a batch's
 * versions are the order in which its slots were taken, so what every client must have heard is known.
 */
import { type LiveMessage, liveMessage } from '../../../src/contract/live.ts';
import type { ClientRecord } from '../../run/client-record.ts';
import type { Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';
import { type BatchEvidence, groupBy } from '../evidence/batch-evidence.ts';
import type { SlotRow } from '../evidence/rows.ts';

export const liveProgress: Checker = {
  id: 'I20',
  title:
    'A live client gets every version of its batch once, in order, without a gap, also across connections, or a snapshot of what it missed; nothing of other batches; and hears of everything',
  applies: (run) => run.clients.watchers,
  batch(batch, _run, answer) {
    const truth = new Truth(batch);
    for (const [client, records] of groupBy(batch.clients, (record) => record.client)) {
      if (!records.some(({ what }) => what === 'connected')) continue;
      if (records.at(-1)?.what !== 'left') answer.doubt('the record of a live client does not end');
      const fault = faultOf(records, truth);
      answer.holds(fault === null, () => problemOf(batch, `${client} ${fault}`));
    }
  },
};

/** What is stored of a batch, by version. */
class Truth {
  readonly batchId: string;
  readonly version: number;
  readonly isComplete: boolean;
  private readonly slots: ReadonlyMap<number, SlotRow>;
  /** By their text: many clients are told the same. */
  private readonly messages = new Map<string, LiveMessage | null>();

  constructor(batch: BatchEvidence) {
    this.batchId = batch.batchId;
    this.version = batch.row?.version ?? 0;
    this.isComplete = batch.row?.state === 'complete';
    this.slots = new Map(batch.slots.map((slot) => [slot.batchVersion ?? 0, slot]));
  }

  /** Null where it is none. */
  messageOf(text: string): LiveMessage | null {
    const known = this.messages.get(text);
    if (known !== undefined) return known;
    const message = parsed(text);
    this.messages.set(text, message);
    return message;
  }

  /** Why these are not what was taken from one version to another; null when they are. */
  differsFrom(slots: (LiveMessage & { type: 'changes' })['slots'], from: number, to: number): string | null {
    if (to > this.version) return `version ${to}, where ${this.version} is the last`;
    const versions = slots.map(({ version }) => version);
    const expected = Array.from({ length: to - from }, (_, index) => from + 1 + index);
    if (String(versions) !== String(expected)) return `${from} to ${to} with the versions ${versions.join(', ')}`;
    const other = slots.find((told) => !isSame(told, this.slots.get(told.version)));
    return other === undefined ? null : `of version ${other.version} what is not stored: ${JSON.stringify(other)}`;
  }

  filledAt(version: number): number {
    let count = 0;
    for (const [at, { status }] of this.slots) if (at >= 1 && at <= version && status === 'filled') count++;
    return count;
  }
}

/** What a client must not have been told, or was not told; null when all is well. */
function faultOf(records: readonly ClientRecord[], truth: Truth): string | null {
  let has: number | null = null;
  for (const record of records) {
    if (record.what === 'told') {
      const message = truth.messageOf(record.text);
      if (message === null) return `was told what is no live message: ${record.text.slice(0, 200)}`;
      const fault = faultOfMessage(message, has, truth);
      if (fault !== null) return `was told ${fault}`;
      has = message.type === 'changes' ? message.to : message.version;
    } else if (record.what === 'connected' && record.after !== has) {
      return `came back for what follows ${record.after ?? 'nothing'}, having ${has ?? 'nothing'}`;
    } else if (record.what === 'left' && record.atRest && has !== truth.version) {
      return `has version ${has ?? 'none'} in the end, the batch ${truth.version}`;
    }
  }
  return null;
}

function faultOfMessage(message: LiveMessage, has: number | null, truth: Truth): string | null {
  if (message.batch_id !== truth.batchId) return `of batch ${message.batch_id}`;
  switch (message.type) {
    case 'complete':
      if (!truth.isComplete) return 'that it is complete, which it is not';
      return message.version === has && has === truth.version ? null : `complete at ${message.version}, having ${has}`;
    case 'snapshot':
      // What is new is the least that a snapshot must bring.
      if (has !== null && message.version <= has) return `a snapshot of ${message.version}, having ${has}`;
      return truth.differsFrom(message.slots, 0, message.version) ?? miscounted(message, message.version, truth);
    case 'changes':
      if (message.from !== has) return `changes from ${message.from} to ${message.to}, having ${has ?? 'nothing'}`;
      return truth.differsFrom(message.slots, message.from, message.to) ?? miscounted(message, message.to, truth);
  }
}

function miscounted(message: Exclude<LiveMessage, { type: 'complete' }>, version: number, truth: Truth): string | null {
  const { filled, failed } = message;
  const isRight = filled + failed === version && filled === truth.filledAt(version);
  return isRight ? null : `${filled} filled and ${failed} failed at version ${version}`;
}

function isSame(told: (LiveMessage & { type: 'changes' })['slots'][number], slot: SlotRow | undefined): boolean {
  return (
    told.essay_id === slot?.essayId &&
    told.position === slot.position &&
    told.status === slot.status &&
    told.text_storage_id === slot.textStorageId &&
    told.file_upload_id === slot.fileUploadId &&
    told.assigned_by === slot.assignedBy
  );
}

function parsed(text: string): LiveMessage | null {
  try {
    return liveMessage.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
