/**
 * Gives every content and failure of a group its disposition, set-based.
 *
 * First look: one optimistic transaction for the whole group. Where another transaction was in the way (CONFLICT), or
 * an input found neither a slot nor certainty, it is looked at again with its batch row locked first, on a fresh
 * snapshot, holding no slot from before. Under that lock nobody else can fill a slot of the batch, so the second look
 * decides, except while somebody who waits for the same lock still holds slots: hence the short, bounded repetition.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Disposition, SlotInput } from '../../domain/inputs.ts';
import { AppError } from '../../errors.ts';
import { answerAt } from './answers.ts';
import { claimRounds, type Indexed } from './claim-rounds.ts';
import { type SettlingDeps, settleInputs } from './settle-inputs.ts';

/** Looks at an undecided input again this often, under lock, before the offset has to wait. */
const LOOKS_MAX = 20;
/** And for no longer than this: behind a lock that is held for long, each look waits for the lock timeout. */
const LOOKING_MS_MAX = 5000;
const LOOK_DELAY_MIN_MS = 2;
const LOOK_DELAY_MAX_MS = 10;

export class AssignInputs {
  constructor(private readonly deps: SettlingDeps) {}

  /**
   * Dispositions parallel to the inputs. Rejects with an AppError; what committed before it stays and is a duplicate
   * next time.
   */
  async assign(inputs: readonly SlotInput[]): Promise<Disposition[]> {
    const result = new Array<Disposition>(inputs.length);
    const { rounds, repeats } = claimRounds(inputs);
    for (const round of rounds) {
      const dispositions = await this.settleRound(round.map(({ input }) => input));
      round.forEach(({ index }, position) => {
        result[index] = answerAt(dispositions, position);
      });
    }
    for (const index of repeats) result[index] = 'duplicate';
    return result;
  }

  private async settleRound(inputs: readonly SlotInput[]): Promise<Disposition[]> {
    const result = new Array<Disposition>(inputs.length);
    let undecided: readonly Indexed[] = inputs.map((input, index) => ({ input, index }));
    const endMs = performance.now() + LOOKING_MS_MAX;
    for (let look = 0; undecided.length > 0; look += 1) {
      if (look > LOOKS_MAX || performance.now() > endMs)
        throw new AppError('UNDECIDED', `${undecided.length} inputs undecided after ${look} looks`);
      if (look > 1) await delay(LOOK_DELAY_MIN_MS + Math.random() * (LOOK_DELAY_MAX_MS - LOOK_DELAY_MIN_MS));
      const dispositions = await this.look(
        undecided.map(({ input }) => input),
        look > 0,
      );
      undecided = undecided.filter(({ index }, position) => {
        const disposition = answerAt(dispositions, position);
        if (disposition !== null) result[index] = disposition;
        return disposition === null;
      });
    }
    return result;
  }

  /**
   * One transaction. After a conflict with another transaction all inputs stay undecided; after one under lock, each
   * half of the batches is tried by itself.
   */
  private async look(inputs: readonly SlotInput[], locked: boolean): Promise<(Disposition | null)[]> {
    const startedAt = performance.now();
    this.deps.metrics.claimSize.observe(inputs.length);
    try {
      const { dispositions, rows } = await this.deps.store.transaction(async (tx) => {
        if (locked) await tx.lockBatches([...new Set(inputs.map((input) => input.batchId))]);
        return settleInputs(tx, inputs, locked, this.deps.context);
      });
      this.deps.outbox.offer(rows);
      this.deps.metrics.undecided.inc(dispositions.filter((disposition) => disposition === null).length);
      return dispositions;
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'CONFLICT')) throw error;
      this.deps.metrics.retries.inc({ reason: locked ? 'conflict_locked' : 'conflict' });
    } finally {
      this.deps.metrics.claimDuration.observe((performance.now() - startedAt) / 1000);
    }
    return locked ? this.lookAtHalves(inputs) : inputs.map(() => null);
  }

  /** Halves by batch, so that a batch whose row stays locked does not keep the others from being settled. */
  private async lookAtHalves(inputs: readonly SlotInput[]): Promise<(Disposition | null)[]> {
    const result = inputs.map((): Disposition | null => null);
    const batchIds = [...new Set(inputs.map((input) => input.batchId))];
    if (batchIds.length === 1) return result;
    const firstHalf = new Set(batchIds.slice(0, Math.ceil(batchIds.length / 2)));
    for (const inFirst of [true, false]) {
      const half = inputs
        .map((input, index) => ({ input, index }))
        .filter((each) => firstHalf.has(each.input.batchId) === inFirst);
      const dispositions = await this.look(
        half.map(({ input }) => input),
        true,
      );
      half.forEach(({ index }, position) => {
        result[index] = answerAt(dispositions, position);
      });
    }
    return result;
  }
}
