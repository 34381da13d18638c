/**
 * Registers batches, several in one transaction, and drains what came before them in arrival order through the same
 * code that settles later inputs. Registration and early input meet on the batch row: whoever locks it second sees what
 * the first one did, so nothing stays pending behind a registration (G6).
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchTransaction, RegistrationOutcome, RegistrationRecord } from '../../domain/batch-store.ts';
import type { Registration } from '../../domain/inputs.ts';
import type { OutboxRow } from '../../domain/ports.ts';
import { AppError } from '../../errors.ts';
import { answerAt } from './answers.ts';
import { claimRounds } from './claim-rounds.ts';
import { type SettleContext, type SettlingDeps, settleInputs } from './settle-inputs.ts';

/** Bounds the size and the lock time of one registration transaction. */
const SLOTS_PER_TRANSACTION_MAX = 2_000;
const ATTEMPTS_MAX = 3;
const RETRY_DELAY_MAX_MS = 20;

export class RegisterBatches {
  constructor(private readonly deps: SettlingDeps) {}

  /** Outcomes parallel to the registrations. Rejects with an AppError. */
  async register(registrations: readonly Registration[]): Promise<RegistrationOutcome[]> {
    const result: RegistrationOutcome[] = [];
    for (const records of transactionsOf(registrations)) {
      const outcomes = await this.commit(records);
      records.forEach((_, position) => {
        result.push(answerAt(outcomes, position));
      });
    }
    return result;
  }

  private async commit(records: readonly RegistrationRecord[]): Promise<RegistrationOutcome[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { outcomes, rows } = await this.deps.store.transaction((tx) => this.registerAndDrain(tx, records));
        this.deps.outbox.offer(rows);
        return outcomes;
      } catch (error) {
        const mayRetry = error instanceof AppError && (error.code === 'CONFLICT' || error.code === 'UNDECIDED');
        if (!mayRetry || attempt >= ATTEMPTS_MAX) throw error;
        this.deps.metrics.retries.inc({ reason: 'registration_conflict' });
        if (records.length > 1) return this.commitHalves(records);
        await delay(Math.random() * RETRY_DELAY_MAX_MS);
      }
    }
  }

  /** So that a batch whose row stays locked does not keep the others from being registered. */
  private async commitHalves(records: readonly RegistrationRecord[]): Promise<RegistrationOutcome[]> {
    const middle = Math.ceil(records.length / 2);
    const first = await this.commit(records.slice(0, middle));
    return [...first, ...(await this.commit(records.slice(middle)))];
  }

  private async registerAndDrain(
    tx: BatchTransaction,
    records: readonly RegistrationRecord[],
  ): Promise<{ outcomes: RegistrationOutcome[]; rows: OutboxRow[] }> {
    await tx.lockBatches(records.map(({ registration }) => registration.batchId));
    const outcomes = await tx.registerBatches(records);
    const drained = records.filter((_, index) => answerAt(outcomes, index).kind !== 'conflicting');
    const rows = await drainPending(
      tx,
      drained.map(({ registration }) => registration.batchId),
      this.deps.context,
    );
    return { outcomes, rows };
  }
}

/** Settles what is pending for these registered, locked batches, in arrival order. */
export async function drainPending(
  tx: BatchTransaction,
  batchIds: readonly string[],
  context: SettleContext,
): Promise<OutboxRow[]> {
  const rows: OutboxRow[] = [];
  if (batchIds.length === 0) return rows;
  // Repeats among what waited are gone with the first: the table holds each identity once.
  for (const round of claimRounds(await tx.takePending(batchIds)).rounds) {
    const settled = await settleInputs(
      tx,
      round.map(({ input }) => input),
      true,
      context,
    );
    if (settled.dispositions.includes(null)) {
      throw new AppError('UNDECIDED', 'open slots of a locked batch are held by a transaction that waits for it');
    }
    rows.push(...settled.rows);
  }
  return rows;
}

/**
 * Transactions of bounded size. A batch registered twice in one call, or two that ask for the same slot, come in two of
 * them, in order: compared within one statement neither would see the other, and both would fail for ever.
 */
function transactionsOf(registrations: readonly Registration[]): RegistrationRecord[][] {
  const transactions: RegistrationRecord[][] = [];
  let current: RegistrationRecord[] = [];
  let slotCount = 0;
  const batchIds = new Set<string>();
  const essayIds = new Set<string>();
  for (const registration of registrations) {
    const size = registration.essayIds.length;
    const meets = batchIds.has(registration.batchId) || registration.essayIds.some((essayId) => essayIds.has(essayId));
    if (current.length > 0 && (meets || slotCount + size > SLOTS_PER_TRANSACTION_MAX)) {
      transactions.push(current);
      current = [];
      slotCount = 0;
      batchIds.clear();
      essayIds.clear();
    }
    current.push({ registration, digest: registrationDigest(registration) });
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
