/**
 * What an operator may do about a batch that does not end by itself, by the rules and under the lock that everybody
 * else works under. Neither waits for who holds the batch.
 */
import type { SlotInput } from '../../domain/inputs.ts';
import { AppError } from '../../errors.ts';
import { appendMessages, completionsOf, type SettlingDeps } from './settle-inputs.ts';

const INPUTS_PER_TRANSACTION_MAX = 1000;

type EndingDeps = Pick<SettlingDeps, 'store' | 'context'>;

/**
 * Burns the open slots of an open batch, which completes it, and writes its completion in the same transaction; returns
 * how many slots, null where the batch was complete before. Rejects where there is nothing to complete.
 */
export function closeBatch({ store, context }: EndingDeps, batchId: string): Promise<number | null> {
  return store.transaction(async (tx) => {
    await lock(tx, batchId);
    const state = await tx.stateOf(batchId);
    if (state === 'complete') return null;
    if (state === 'announced') {
      throw new AppError(
        'INVALID_INPUT',
        `${batchId} is not registered, so it has nothing to complete: see batch expire`,
      );
    }
    if (await tx.isStranded(batchId)) {
      throw new AppError('CONFLICT', `what came before the registration of ${batchId} is being placed: try again`);
    }
    const burnt = await tx.burnOpen(batchId, context.instance);
    if (burnt === null) throw new AppError('CONFLICT', `the counters of ${batchId} are not those of its slots`);
    await appendMessages(tx, await completionsOf(tx, [batchId], context), context);
    return burnt;
  });
}

/**
 * Gives up waiting for the registration of a batch: everything that waits is handed to `keep`, which must have it safe
 * before it resolves, and removed; then the batch is forgotten. Returns how many inputs. A registration that comes
 * afterwards is one of a batch that nobody has heard of.
 */
export async function expireBatch(
  { store }: EndingDeps,
  batchId: string,
  keep: (inputs: readonly SlotInput[]) => Promise<void>,
): Promise<number> {
  let count = 0;
  for (;;) {
    const taken = await store.transaction(async (tx) => {
      await lock(tx, batchId);
      if ((await tx.stateOf(batchId)) !== 'announced') {
        throw new AppError('INVALID_INPUT', `${batchId} is registered: see batch close`);
      }
      const inputs = await tx.takePending([batchId], INPUTS_PER_TRANSACTION_MAX);
      if (inputs.length > 0) await keep(inputs);
      await tx.forgetAnnounced(batchId);
      return inputs.length;
    });
    count += taken;
    if (taken < INPUTS_PER_TRANSACTION_MAX) return count;
  }
}

async function lock(tx: { lockBatches(ids: readonly string[]): Promise<ReadonlySet<string>> }, batchId: string) {
  if (!(await tx.lockBatches([batchId])).has(batchId)) {
    throw new AppError('CONFLICT', `somebody holds ${batchId}: try again`);
  }
}
