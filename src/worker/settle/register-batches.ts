/**
 * Registers batches, several in one transaction, and drains what came before them, a bounded part of it in that
 * transaction and the rest in others before the registration is answered. Registration and early input meet on the batch row: whoever locks it second sees what
 * the first one did, so nothing stays pending behind a registration (G6). A batch that somebody else holds is parked
 * and answered `busy`, and the others are registered; see AssignInputs for what else may be in the way.
 */
import { createHash } from 'node:crypto';
import type { BatchTransaction, RegistrationOutcome, RegistrationRecord } from '../../domain/batch-store.ts';
import type { Registration } from '../../domain/inputs.ts';
import { answerAt } from './answers.ts';
import { isObstructed, type ParkingDeps } from './assign-inputs.ts';
import { type Drained, drainPending, drainRest } from './drain-pending.ts';

/** Bounds the size and the lock time of one registration transaction. */
const SLOTS_PER_TRANSACTION_MAX = 2_000;

export class RegisterBatches {
  constructor(private readonly deps: ParkingDeps) {}

  /** Answers parallel to the registrations. Rejects with an AppError; what committed before stays, and is a repeat. */
  async register(registrations: readonly Registration[]): Promise<(RegistrationOutcome | Busy)[]> {
    const { parked } = this.deps;
    const result = registrations.map((): RegistrationOutcome | Busy => BUSY);
    const busy = new Set<string>();
    for (const transaction of transactionsOf(registrations, (batchId) => parked.isAlone(batchId))) {
      // A second registration of a batch waits with the first one: that keeps which one wins.
      const records = transaction.filter(({ registration }) => !busy.has(registration.batchId));
      if (records.length === 0) continue;
      const outcomes = await this.commit(records);
      for (const { index, registration } of records) {
        const outcome = outcomes?.get(registration.batchId);
        if (outcome === undefined) busy.add(registration.batchId);
        else result[index] = outcome;
      }
      if (outcomes === undefined) break;
    }
    const waiting = registrations.filter((_, index) => result[index] === BUSY).map(({ batchId }) => batchId);
    parked.settled(registrations.map(({ batchId }) => batchId).filter((batchId) => !waiting.includes(batchId)));
    parked.park(new Set(waiting.filter((batchId) => !parked.isParked(batchId))), 'busy');
    return result;
  }

  /** By batch; those that somebody else holds, or that are not drained yet, are missing. Undefined when it was undone. */
  private async commit(records: readonly RegistrationRecord[]): Promise<Map<string, RegistrationOutcome> | undefined> {
    try {
      const { outcomes, drained } = await this.deps.store.transaction((tx) => this.registerAndDrain(tx, records));
      this.deps.outbox.offer(drained.rows);
      for (const batchId of await drainRest(this.deps, drained.rest)) outcomes.delete(batchId);
      return outcomes;
    } catch (error) {
      if (!isObstructed(error)) throw error;
      this.deps.metrics.retries.inc({ reason: 'registration_conflict' });
      this.deps.parked.park(new Set(records.map(({ registration }) => registration.batchId)), 'obstructed');
      return undefined;
    }
  }

  private async registerAndDrain(
    tx: BatchTransaction,
    records: readonly RegistrationRecord[],
  ): Promise<{ outcomes: Map<string, RegistrationOutcome>; drained: Drained }> {
    const locked = await tx.lockBatches(records.map(({ registration }) => registration.batchId));
    const ours = records.filter(({ registration }) => locked.has(registration.batchId));
    if (ours.length === 0) return { outcomes: new Map(), drained: { rows: [], rest: [] } };
    const answers = await tx.registerBatches(ours);
    const outcomes = new Map(ours.map(({ registration }, index) => [registration.batchId, answerAt(answers, index)]));
    const registered = [...outcomes].filter(([, { kind }]) => kind !== 'conflicting').map(([batchId]) => batchId);
    const refused = [...outcomes.keys()].filter((batchId) => !registered.includes(batchId));
    // A row that this transaction made for it would say that something of the batch waits.
    for (const batchId of refused) await tx.forgetAnnounced(batchId);
    return { outcomes, drained: await drainPending(tx, registered, this.deps.context) };
  }
}

/** Somebody else holds the batch: it is parked, and its registration comes again. */
export interface Busy {
  readonly kind: 'busy';
}
const BUSY: Busy = { kind: 'busy' };

interface IndexedRecord extends RegistrationRecord {
  /** Among the registrations that were asked about. */
  readonly index: number;
}

/**
 * Transactions of bounded size. A batch registered twice in one call, or two that ask for the same slot, come in two of
 * them, in order: compared within one statement neither would see the other, and both would fail for ever. One that was
 * in the way before comes in one of its own.
 */
function transactionsOf(
  registrations: readonly Registration[],
  isAlone: (batchId: string) => boolean,
): IndexedRecord[][] {
  const transactions: IndexedRecord[][] = [];
  let current: IndexedRecord[] = [];
  let slotCount = 0;
  const batchIds = new Set<string>();
  const essayIds = new Set<string>();
  let wasAlone = false;
  for (const [index, registration] of registrations.entries()) {
    const size = registration.essayIds.length;
    const meets = batchIds.has(registration.batchId) || registration.essayIds.some((essayId) => essayIds.has(essayId));
    const alone = isAlone(registration.batchId);
    if (current.length > 0 && (meets || alone || wasAlone || slotCount + size > SLOTS_PER_TRANSACTION_MAX)) {
      transactions.push(current);
      current = [];
      slotCount = 0;
      batchIds.clear();
      essayIds.clear();
    }
    wasAlone = alone;
    current.push({ index, registration, digest: registrationDigest(registration) });
    slotCount += size;
    batchIds.add(registration.batchId);
    for (const essayId of registration.essayIds) essayIds.add(essayId);
  }
  if (current.length > 0) transactions.push(current);
  return transactions;
}

/**
 * Two registrations with the same digest ask for the same thing: the same set of slots for the same course, people
 * and prompt. The order of slots, correlation and trace context make no difference, neither does the order of
 * members within the prompt reference.
 */
export function registrationDigest(registration: Registration): string {
  const asked = [
    [...registration.essayIds].sort(),
    registration.courseCode,
    registration.userId,
    registration.orgId,
    registration.classId,
    registration.studentPromptRef,
  ];
  return createHash('sha256').update(canonicalJson(asked)).digest('hex');
}

/** JSON with the members of every object in one order. Depth is bounded by the decoder. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}
