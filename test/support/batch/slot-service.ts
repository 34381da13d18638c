import { AppError } from '../../../src/errors.ts';
import { settleInputs } from '../../../src/worker/settle/settle-inputs.ts';
import type { PostgresBatchSystem } from './postgres-batch-system.ts';
import { content, failure, registration } from './sample-inputs.ts';

/**
 * What a scenario needs of a service that fills slots: ours, or the miniature of the original one. Every call is one
 * delivered event; a pause lets the scenario stop it at a named point, and a pause that rejects makes it roll back.
 */
export interface SlotService {
  register(batchId: string, slotCount: number, pause?: Pause): Promise<void>;
  content(batchId: string, text: string, pause?: Pause): Promise<void>;
  failure(batchId: string, upload: string): Promise<void>;
  /** Puts a pending content behind the batch's registration by hand. */
  strand(batchId: string, text: string): Promise<void>;
  outcome(batchId: string): Promise<Outcome>;
}

export type PausePoint = 'before-commit' | 'before-completion' | 'before-pending' | 'before-verdict' | 'before-drain';
export type Pause = (point: PausePoint) => Promise<void>;
export const noPause: Pause = async () => {};

export interface Outcome {
  readonly assigned: readonly string[];
  readonly openCount: number;
  readonly burntCount: number;
  readonly pending: readonly string[];
  /** Texts for which an excess event was published, one entry per event. */
  readonly excess: readonly string[];
  readonly assignedEventCount: number;
  readonly completionCount: number;
}

/** The product: the first look with pauses where a process could be stopped, then whatever it does by itself. */
export class OurSlotService implements SlotService {
  private readonly system: PostgresBatchSystem;
  private turn = 0;

  constructor(system: PostgresBatchSystem) {
    this.system = system;
  }

  async register(batchId: string, slotCount: number): Promise<void> {
    await this.system.apply([registration(batchId, slotCount)]);
  }

  async content(batchId: string, text: string, pause: Pause = noPause): Promise<void> {
    const instance = this.nextInstance();
    const input = content(batchId, text);
    let decided = false;
    try {
      decided = await instance.store.transaction(async (tx) => {
        const { answers } = await settleInputs(tx, [input], instance.context);
        const isDecided = !answers.includes('busy') && !answers.includes('absent');
        if (isDecided) {
          await pause('before-commit');
          // The completion is part of the transaction: there is no moment between the two.
          await pause('before-completion');
        }
        return isDecided;
      });
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'CONFLICT')) throw error;
    }
    if (decided) return;
    await pause('before-pending');
    await pause('before-verdict');
    await this.system.apply([input], this.turn % this.system.instances.length);
  }

  async failure(batchId: string, upload: string): Promise<void> {
    await this.system.apply([failure(batchId, upload)]);
  }

  async strand(batchId: string, text: string): Promise<void> {
    const [instance] = this.system.instances;
    await instance?.store.transaction((tx) => tx.recordPending([content(batchId, text)]));
  }

  async outcome(batchId: string): Promise<Outcome> {
    const { batches, events } = await this.system.snapshot();
    const batch = batches.find((each) => each.batchId === batchId);
    if (batch === undefined) throw new Error(`no batch ${batchId}`);
    const ours = events.filter((event) => event.batchId === batchId);
    return {
      assigned: batch.slots.flatMap(({ textStorageId }) => (textStorageId === null ? [] : [textStorageId])).sort(),
      openCount: batch.openCount,
      burntCount: batch.failedCount,
      pending: batch.pending.map(({ identity }) => identity),
      excess: ours.flatMap((event) => (event.kind === 'excess' ? [event.textStorageId] : [])),
      assignedEventCount: ours.filter(({ kind }) => kind === 'slot-assigned').length,
      completionCount: ours.filter(({ kind }) => kind === 'completed').length,
    };
  }

  private nextInstance(): PostgresBatchSystem['instances'][number] {
    this.turn += 1;
    const instance = this.system.instances[this.turn % this.system.instances.length];
    if (instance === undefined) throw new Error('a system without instances');
    return instance;
  }
}
