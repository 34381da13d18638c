/**
 * Registers batches, several in one transaction, and drains what came before them, a bounded part of it in that
 * transaction and the rest in others before the registration is answered. Registration and early input meet on the batch row: whoever locks it second sees what
 * the first one did, so nothing stays pending behind a registration (G6). A batch that somebody else holds is parked
 * and answered `busy`, and the others are registered; see AssignInputs for what else may be in the way.
 */
import type { BatchTransaction, RegistrationOutcome, RegistrationRecord } from '../../domain/batch-store.ts';
import type { Registration } from '../../domain/inputs.ts';
import { answerAt } from './answers.ts';
import { isObstructed, type ParkingDeps } from './assign-inputs.ts';
import { type Drained, drainPending, drainRest } from './drain-pending.ts';
import { registrationRounds } from './registration-rounds.ts';

export class RegisterBatches {
  constructor(private readonly deps: ParkingDeps) {}

  /** Answers parallel to the registrations. Rejects with an AppError; what committed before stays, and is a repeat. */
  async register(registrations: readonly Registration[]): Promise<(RegistrationOutcome | Busy)[]> {
    const { parked } = this.deps;
    const result = registrations.map((): RegistrationOutcome | Busy => BUSY);
    const busy = new Set<string>();
    const { transactions, repeats } = registrationRounds(registrations, (batchId) => parked.isAlone(batchId));
    for (const transaction of transactions) {
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
    for (const { index, first } of repeats) {
      const outcome = answerAt(result, first);
      result[index] = outcome.kind === 'registered' ? { kind: 'repeated' } : outcome;
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
