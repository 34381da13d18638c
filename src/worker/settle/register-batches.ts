import { setTimeout as delay } from 'node:timers/promises';
import type { BatchTransaction, RegistrationOutcome, RegistrationRecord } from '../../domain/batch-store.ts';
import type { Registration } from '../../domain/inputs.ts';
import type { OutboxRow } from '../../domain/ports.ts';
import { AppError } from '../../errors.ts';
import { roundsOf } from './claim-rounds.ts';
import { registrationDigest } from './registration-digest.ts';
import { type SettleContext, type SettlingDeps, settleInputs } from './settle-inputs.ts';

/** Bounds the size and the lock time of one registration transaction. */
const SLOTS_PER_TRANSACTION_MAX = 2_000;
const ATTEMPTS_MAX = 3;
const RETRY_DELAY_MAX_MS = 20;

/**
 * Registers batches, several in one transaction, and drains what came before them in arrival order through the same
 * code that settles later inputs. Registration and early input meet on the batch row: whoever locks it second sees what
 * the first one did, so nothing stays pending behind a registration (G6).
 */
export class RegisterBatches {
  constructor(private readonly deps: SettlingDeps) {}

  /** Outcomes parallel to the registrations. Rejects with an AppError. */
  async register(registrations: readonly Registration[]): Promise<RegistrationOutcome[]> {
    const result = new Array<RegistrationOutcome>(registrations.length);
    for (const group of groupsOf(registrations)) {
      const outcomes = await this.commit(group.map(({ record }) => record));
      group.forEach(({ index }, position) => {
        const outcome = outcomes[position];
        if (outcome !== undefined) result[index] = outcome;
      });
    }
    return result;
  }

  private async commit(records: readonly RegistrationRecord[]): Promise<RegistrationOutcome[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { outcomes, rows } = await this.deps.store.transaction((tx) => this.registerAndDrain(tx, records));
        this.deps.onCommitted(rows);
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

  /** So that one batch that cannot be had does not cost the others their turn. */
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
    const drained = records.filter((_, index) => outcomes[index]?.kind !== 'conflicting');
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
  for (const round of roundsOf(await tx.takePending(batchIds))) {
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

interface Grouped {
  readonly record: RegistrationRecord;
  readonly index: number;
}

/**
 * Transactions of bounded size. A batch registered twice in one call, or two that ask for the same slot, come in two of
 * them, in order: compared within one statement neither would see the other, and both would fail for ever.
 */
function groupsOf(registrations: readonly Registration[]): Grouped[][] {
  const groups: Grouped[][] = [];
  let current: Grouped[] = [];
  let slotCount = 0;
  const batchIds = new Set<string>();
  const essayIds = new Set<string>();
  registrations.forEach((registration, index) => {
    const size = registration.essayIds.length;
    const meets = batchIds.has(registration.batchId) || registration.essayIds.some((essayId) => essayIds.has(essayId));
    if (current.length > 0 && (meets || slotCount + size > SLOTS_PER_TRANSACTION_MAX)) {
      groups.push(current);
      current = [];
      slotCount = 0;
      batchIds.clear();
      essayIds.clear();
    }
    current.push({ record: { registration, digest: registrationDigest(registration) }, index });
    slotCount += size;
    batchIds.add(registration.batchId);
    for (const essayId of registration.essayIds) essayIds.add(essayId);
  });
  if (current.length > 0) groups.push(current);
  return groups;
}
