/**
 * What the audit says about workers getting in each other's way on one batch. Pure, per batch. A transaction is on a
 * batch from the start of its first statement that changed it to its commit (to its last change where the server keeps
 * no commit times): overlaps are counted too low rather than too high.
 */
import type { AuditEntry, SlotRow } from '../evidence/rows.ts';

export interface ClaimRaces {
  /** Pairs of transactions of different instances that were on the batch at the same time. */
  readonly overlaps: number;
  /** Slots taken while a lower one was still open: somebody else held it. */
  readonly skips: number;
  /** The two last slots were taken by different transactions within `CLOSE_MS`. */
  readonly isCloseFinish: boolean;
  /** Instances that took slots. */
  readonly instances: number;
  /** Inputs that waited for the registration and left the queue with it. */
  readonly drained: number;
}

export const CLOSE_MS = 50;

export function claimRacesOf(slots: readonly SlotRow[], audit: readonly AuditEntry[]): ClaimRaces {
  const takings = audit.filter(({ table, operation }) => table === 'slots' && operation === 'update');
  return {
    overlaps: countOverlaps(takings),
    skips: countSkips(slots, takings),
    isCloseFinish: isCloseFinish(slots, takings),
    instances: new Set(slots.flatMap(({ assignedBy }) => (assignedBy === null ? [] : [assignedBy]))).size,
    drained: audit.filter(({ table, operation }) => table === 'pending_inputs' && operation === 'delete').length,
  };
}

interface Stay {
  readonly instance: string;
  readonly fromMs: number;
  readonly toMs: number;
}

function countOverlaps(takings: readonly AuditEntry[]): number {
  const stays = new Map<number, Stay>();
  for (const { txid, statementAtMs, atMs, committedAtMs, new: now, pid } of takings) {
    const known = stays.get(txid);
    stays.set(txid, {
      instance: String(now?.['assigned_by'] ?? pid),
      fromMs: Math.min(known?.fromMs ?? statementAtMs, statementAtMs),
      toMs: Math.max(known?.toMs ?? 0, committedAtMs ?? atMs),
    });
  }
  const byStart = [...stays.values()].sort((one, other) => one.fromMs - other.fromMs);
  let overlaps = 0;
  let active: Stay[] = [];
  for (const stay of byStart) {
    active = active.filter((each) => each.toMs > stay.fromMs);
    overlaps += active.filter((each) => each.instance !== stay.instance).length;
    active.push(stay);
  }
  return overlaps;
}

/** In the order of the changes: a lower slot that is taken later, or never, by another transaction was passed over. */
function countSkips(slots: readonly SlotRow[], takings: readonly AuditEntry[]): number {
  const positionOf = (entry: AuditEntry) => Number(entry.new?.['position']);
  const isTaken = new Set(takings.map((entry) => entry.rowId));
  const untaken = slots.filter((slot) => !isTaken.has(slot.essayId)).map((slot) => slot.position);
  const lowestUntaken = untaken.reduce((least, position) => Math.min(least, position), Number.POSITIVE_INFINITY);
  let lowestLater = { position: lowestUntaken, txid: -1 };
  let skips = 0;
  for (const entry of [...takings].reverse()) {
    const position = positionOf(entry);
    if (lowestLater.position < position && lowestLater.txid !== entry.txid) skips++;
    if (position < lowestLater.position) lowestLater = { position, txid: entry.txid };
  }
  return skips;
}

function isCloseFinish(slots: readonly SlotRow[], takings: readonly AuditEntry[]): boolean {
  const [before, last] = takings.slice(-2);
  if (before === undefined || last === undefined || takings.length < slots.length) return false;
  return before.txid !== last.txid && last.atMs - before.atMs <= CLOSE_MS;
}
