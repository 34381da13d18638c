/**
 * The batches of one slice of a run, and what belongs to no batch: put together from what was read of the run's files.
 */
import type { ClientRecord } from '../../run/client-record.ts';
import { BatchEvidence } from './batch-evidence.ts';
import type { JudgedInput, LooseInput } from './input-records.ts';
import type { Letter, MalformedOutput, Output } from './output-records.ts';
import type { AuditEntry, BatchRow, ExcessRow, FailureRow, PendingRow, SlotRow } from './rows.ts';

export interface SliceEvidence {
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

/** What was read, one thing at a time. Plain data: it may lie in a file until its slice is judged. */
export type Piece =
  | { readonly of: 'input'; readonly what: JudgedInput }
  | { readonly of: 'loose'; readonly what: LooseInput }
  | { readonly of: 'setAside'; readonly what: SetAside }
  | { readonly of: 'output'; readonly what: Output }
  | { readonly of: 'malformed'; readonly what: MalformedOutput }
  | { readonly of: 'batch'; readonly what: BatchRow }
  | { readonly of: 'slot'; readonly what: SlotRow }
  | { readonly of: 'excess'; readonly what: ExcessRow }
  | { readonly of: 'failure'; readonly what: FailureRow }
  | { readonly of: 'pending'; readonly what: PendingRow }
  | { readonly of: 'audit'; readonly what: AuditEntry & { readonly batchId: string } }
  | { readonly of: 'sent'; readonly what: SentInput }
  | { readonly of: 'client'; readonly what: ClientRecord };

/** What the client noted before and after a send. */
export interface SentInput {
  readonly batchId: string;
  readonly identity: string;
  readonly isAcknowledged: boolean;
}

export class Slice implements SliceEvidence {
  readonly batches = new Map<string, BatchEvidence>();
  readonly loose: LooseInput[] = [];
  readonly malformed: MalformedOutput[] = [];
  readonly setAside: SetAside[] = [];

  add(piece: Piece): void {
    switch (piece.of) {
      case 'loose':
        this.loose.push(piece.what);
        break;
      case 'setAside':
        this.setAside.push(piece.what);
        break;
      case 'malformed':
        this.malformed.push(piece.what);
        break;
      case 'batch':
        this.batch(piece.what.id).row = piece.what;
        break;
      default:
        addToBatch(this.batch(piece.what.batchId), piece);
    }
  }

  /** To be called when all is there. */
  complete(): this {
    for (const batch of this.batches.values()) {
      batch.audit.sort((one, other) => one.seq - other.seq);
      batch.dropSuperseded();
    }
    return this;
  }

  private batch(batchId: string): BatchEvidence {
    const known = this.batches.get(batchId);
    if (known !== undefined) return known;
    const batch = new BatchEvidence(batchId);
    this.batches.set(batchId, batch);
    return batch;
  }
}

type OfBatch = Exclude<Piece, { readonly of: 'loose' | 'setAside' | 'malformed' | 'batch' }>;

function addToBatch(batch: BatchEvidence, piece: OfBatch): void {
  switch (piece.of) {
    case 'input':
      if (piece.what.kind === 'registration') batch.registrations.push(piece.what);
      else if (piece.what.kind === 'content') batch.contents.push(piece.what);
      else batch.failures.push(piece.what);
      break;
    case 'output':
      if (piece.what.kind === 'slotAssigned') batch.assigned.push(piece.what);
      else if (piece.what.kind === 'excess') batch.excessEvents.push(piece.what);
      else batch.completed.push(piece.what);
      break;
    case 'slot':
      batch.slots.push(piece.what);
      break;
    case 'excess':
      batch.excess.push(piece.what);
      break;
    case 'failure':
      batch.failureRows.push(piece.what);
      break;
    case 'pending':
      batch.pending.push(piece.what);
      break;
    case 'audit':
      batch.audit.push(piece.what);
      break;
    case 'client':
      batch.clients.push(piece.what);
      break;
    case 'sent': {
      const { identity, isAcknowledged } = piece.what;
      const counts = batch.sent.get(identity) ?? { invoked: 0, acknowledged: 0 };
      if (isAcknowledged) counts.acknowledged++;
      else counts.invoked++;
      batch.sent.set(identity, counts);
    }
  }
}
