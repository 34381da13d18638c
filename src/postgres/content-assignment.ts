/**
 * The ordinary group of contents in one statement that commits by itself. Its outbox rows are read from what was written
 * and expanded, as whoever takes them over would do it: there is one way to the bytes.
 */
import { compactHead, expandEvents } from '../contract/compact-events.ts';
import type { AssignedContents, Assignment, BatchState, Claim } from '../domain/batch-store.ts';
import { type Content, identityOf, type SlotInput } from '../domain/inputs.ts';
import type { OutboxRow } from '../domain/ports.ts';
import type { Session } from './database.ts';
import { ASSIGN_CONTENTS } from './sql/assign-contents.ts';

const statement = { name: 'assign-contents', text: ASSIGN_CONTENTS };

/** What CLAIM_ANSWERS says of an input. */
export interface ClaimRow {
  readonly essay_id: string | null;
  readonly batch_version: string | null;
  readonly known: boolean;
  readonly upload_assigned: boolean;
  readonly batch_state: BatchState | null;
  readonly seen_version: string | null;
  readonly certain: boolean;
}

/** Answers first, in the order of the inputs; rows of the outbox behind them. */
type AnswerRow =
  | (ClaimRow & { readonly outbox_id: null; readonly messages: null })
  | { readonly outbox_id: string; readonly messages: string };

export async function assignContents(
  session: Session,
  contents: readonly Content[],
  { topics, occurredAtMs, assignedBy }: Assignment,
  leaseMs: number,
): Promise<AssignedContents> {
  // From before the statement: the lease cannot have begun earlier.
  const heldSinceMs = performance.now();
  const answers = await session.run<AnswerRow>(statement, [
    ...claimColumns(contents),
    assignedBy,
    contents.map((content) => content.correlationId),
    contents.map((content) => content.traceparent),
    contents.map((content) => content.tracestate ?? null),
    compactHead(topics, occurredAtMs),
    leaseMs,
  ]);
  const claims: Claim[] = [];
  const rows: OutboxRow[] = [];
  for (const answer of answers) {
    if (answer.outbox_id === null) claims.push(claimOf(answer));
    else {
      const messages = expandEvents(answer.messages);
      rows.push({ id: answer.outbox_id, messages, attempts: 0, heldSinceMs, acknowledged: [] });
    }
  }
  return { claims, rows };
}

/** The first parameters of every statement that claims. */
export function claimColumns(inputs: readonly SlotInput[]): string[][] {
  return [
    inputs.map((input) => input.kind),
    inputs.map((input) => input.batchId),
    inputs.map(identityOf),
    inputs.map((input) => input.fileUploadId),
    inputs.map((input) => input.originalFileName),
  ];
}

export function claimOf(row: ClaimRow): Claim {
  return {
    essayId: row.essay_id,
    batchVersion: row.batch_version === null ? null : Number(row.batch_version),
    known: row.known,
    uploadAssigned: row.upload_assigned,
    batchState: row.batch_state,
    versionSeen: row.seen_version === null ? null : Number(row.seen_version),
    isCertain: row.certain,
  };
}
