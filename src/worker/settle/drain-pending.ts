/**
 * Settles what came before a registration, in arrival order, through the same code that settles later inputs. However
 * much waits, a transaction takes a bounded part of it, so that each commits. In between the batch is open like any
 * other: what is left can only become assigned, excess or a duplicate, whoever comes first. The registration is not
 * resolved, and its offset not committed, before nothing is left; so whatever ends this process, the registration comes
 * again and goes on (G6).
 */
import type { BatchTransaction } from '../../domain/batch-store.ts';
import type { OutboxRow } from '../../domain/ports.ts';
import { AppError } from '../../errors.ts';
import { claimRounds } from './claim-rounds.ts';
import { type SettleContext, type SettlingDeps, settleInputs } from './settle-inputs.ts';

/** About a second under the locks of the batches. */
const INPUTS_PER_TRANSACTION_MAX = 2_000;
/** One call holds up its group for no longer than some seconds. */
const TRANSACTIONS_MAX = 10;

/** One part. `rest` are the batches that may have more. */
export interface Drained {
  readonly rows: readonly OutboxRow[];
  readonly rest: readonly string[];
}

/** Settles the first that wait for these registered, locked batches. */
export async function drainPending(
  tx: BatchTransaction,
  batchIds: readonly string[],
  context: SettleContext,
): Promise<Drained> {
  const rows: OutboxRow[] = [];
  if (batchIds.length === 0) return { rows, rest: [] };
  const perBatchMax = Math.ceil(INPUTS_PER_TRANSACTION_MAX / batchIds.length);
  const taken = await tx.takePending(batchIds, perBatchMax);
  // Repeats among what waited are gone with the first: the table holds each identity once.
  for (const round of claimRounds(taken).rounds) {
    const settled = await settleInputs(
      tx,
      round.map(({ input }) => input),
      context,
    );
    if (settled.answers.includes('busy')) {
      throw new AppError('CONFLICT', 'open slots of a locked batch are held by a foreign transaction');
    }
    rows.push(...settled.rows);
  }
  const counts = new Map<string, number>();
  for (const { batchId } of taken) counts.set(batchId, (counts.get(batchId) ?? 0) + 1);
  return { rows, rest: batchIds.filter((batchId) => counts.get(batchId) === perBatchMax) };
}

/** Goes on, in transactions of its own, until nothing is left. Returns the batches that are not finished. */
export async function drainRest(
  { store, context, outbox }: Pick<SettlingDeps, 'store' | 'context' | 'outbox'>,
  batchIds: readonly string[],
): Promise<readonly string[]> {
  let rest = batchIds;
  const held: string[] = [];
  for (let count = 0; rest.length > 0 && count < TRANSACTIONS_MAX; count += 1) {
    const wanted = rest;
    const drained = await store.transaction(async (tx) => {
      const locked = await tx.lockBatches(wanted);
      held.push(...wanted.filter((batchId) => !locked.has(batchId)));
      return drainPending(
        tx,
        wanted.filter((batchId) => locked.has(batchId)),
        context,
      );
    });
    outbox.offer(drained.rows);
    rest = drained.rest;
  }
  return [...held, ...rest];
}
