/**
 * Gives every content and failure of a group its disposition, set-based, and waits for nobody: a batch that somebody
 * else holds is parked, and only its inputs are answered `busy`. What was decided is answered whatever became of the
 * others.
 *
 * Contents go by one statement that commits by itself, so no batch is held across a round trip. A transaction follows for
 * what that left (excess, and what comes before its registration), and one for batches with failures in the group. Batches
 * that nobody has named before get an `announced` row in it, because a registration and what comes before it must meet
 * on a row; where that shows only within it, in another one. A transaction that met a conflict or a time limit
 * has decided nothing, and parks its batches to be tried one by one; after the first such no more is tried, so a group
 * is never in flight for longer than one time limit.
 */
import type { Content, SlotInput } from '../../domain/inputs.ts';
import { AppError } from '../../errors.ts';
import { answerAt } from './answers.ts';
import { claimRounds, type Indexed } from './claim-rounds.ts';
import type { ParkedBatches } from './parked-batches.ts';
import { type Answer, assignContents, type Settled, type SettlingDeps, settleInputs } from './settle-inputs.ts';

/** What a use case that may find batches busy works with. */
export interface ParkingDeps extends SettlingDeps {
  readonly parked: ParkedBatches;
}

export class AssignInputs {
  constructor(private readonly deps: ParkingDeps) {}

  /** Answers parallel to the inputs. Rejects with an AppError; what committed before stays, and is a duplicate next time. */
  async assign(inputs: readonly SlotInput[]): Promise<Exclude<Answer, 'absent'>[]> {
    const result = inputs.map((): Exclude<Answer, 'absent'> => 'busy');
    const { rounds, repeats } = claimRounds(inputs);
    const busy = new Set<string>();
    const versions = new Map<string, number>();
    for (const part of rounds.flatMap((round) => this.parts(round))) {
      // What comes later of a batch waits with what came first: that keeps its order.
      const open = part.filter(({ input }) => !busy.has(input.batchId));
      if (open.length === 0) continue;
      const { answers, isObstructed, busyVersions } = await this.settle(open.map(({ input }) => input));
      for (const [batchId, version] of busyVersions) versions.set(batchId, version);
      open.forEach(({ input, index }, position) => {
        const answer = answerAt(answers, position);
        if (answer === 'busy' || answer === 'absent') busy.add(input.batchId);
        else result[index] = answer;
      });
      if (isObstructed) break;
    }
    for (const { index, first } of repeats) {
      const answer = answerAt(result, first);
      result[index] = answer === 'busy' || answer === 'full' ? answer : 'duplicate';
    }
    this.park(inputs, result, versions);
    return result;
  }

  /**
   * Those that may be settled together, contents apart from batches that have failures among them, and each batch that
   * was in the way before by itself. A batch is in one part, which keeps its order.
   */
  private parts(round: readonly Indexed[]): (readonly Indexed[])[] {
    const failing = new Set(round.filter(({ input }) => !isContent(input)).map(({ input }) => input.batchId));
    const plain: Indexed[] = [];
    const mixed: Indexed[] = [];
    const alone = new Map<string, Indexed[]>();
    for (const each of round) {
      const { batchId } = each.input;
      if (this.deps.parked.isAlone(batchId)) alone.set(batchId, [...(alone.get(batchId) ?? []), each]);
      else (failing.has(batchId) ? mixed : plain).push(each);
    }
    return [...[plain, mixed].filter(({ length }) => length > 0), ...alone.values()];
  }

  private async settle(inputs: readonly SlotInput[]): Promise<Attempt> {
    const first = inputs.every(isContent) ? await this.assignContents(inputs) : await this.commit(inputs, false);
    const isOpen = (answer: Answer | null): boolean => answer === null || answer === 'absent';
    const rest = inputs.filter((_, index) => isOpen(answerAt(first.answers, index)));
    const second = rest.length === 0 ? NOTHING : await this.commit(rest, first.answers.includes('absent'));
    const settled = second.answers.values();
    const answers = first.answers.map((answer) =>
      answer === null || answer === 'absent' ? (settled.next().value ?? 'absent') : answer,
    );
    const busyVersions = new Map([...first.busyVersions, ...second.busyVersions]);
    return { answers, busyVersions, isObstructed: first.isObstructed || second.isObstructed };
  }

  /** One statement. */
  private assignContents(contents: readonly Content[]): Promise<Attempt<Answer | null>> {
    const { store, context } = this.deps;
    return this.attempt(contents, () => assignContents(store, contents, context));
  }

  /** One transaction. */
  private commit(inputs: readonly SlotInput[], announcing: boolean): Promise<Attempt> {
    const { store, context } = this.deps;
    return this.attempt(inputs, () =>
      store.transaction(async (tx) => {
        if (announcing) await tx.lockBatches([...new Set(inputs.map(({ batchId }) => batchId))]);
        return settleInputs(tx, inputs, context, true);
      }),
    );
  }

  private async attempt<Each extends Answer | null>(
    inputs: readonly SlotInput[],
    settle: () => Promise<Settled<Each>>,
  ): Promise<Attempt<Each | 'busy'>> {
    const { metrics, outbox, parked } = this.deps;
    const startedAt = performance.now();
    metrics.claimSize.observe(inputs.length);
    try {
      const { answers, busyVersions, rows } = await settle();
      outbox.offer(rows);
      return { answers, busyVersions, isObstructed: false };
    } catch (error) {
      if (!isObstructed(error)) throw error;
      metrics.retries.inc({ reason: error.code === 'CONFLICT' ? 'conflict' : 'statement_timeout' });
      parked.park(new Set(inputs.map(({ batchId }) => batchId)), 'obstructed');
      return { answers: inputs.map(() => 'busy'), busyVersions: new Map(), isObstructed: true };
    } finally {
      metrics.claimDuration.observe((performance.now() - startedAt) / 1000);
    }
  }

  private park(inputs: readonly SlotInput[], answers: readonly Answer[], versions: ReadonlyMap<string, number>): void {
    const { parked, metrics } = this.deps;
    const busy = new Set<string>();
    const settled = new Set<string>();
    inputs.forEach(({ batchId }, index) => {
      const isBusy = answers[index] === 'busy';
      (isBusy ? busy : settled).add(batchId);
      if (isBusy) metrics.undecided.inc();
    });
    for (const batchId of busy) settled.delete(batchId);
    parked.settled(settled);
    parked.park(
      [...busy].filter((batchId) => !parked.isParked(batchId)),
      'busy',
      versions,
    );
  }
}

interface Attempt<Each = Answer> {
  /** Parallel to the inputs. */
  readonly answers: Each[];
  readonly busyVersions: ReadonlyMap<string, number>;
  /** The transaction was undone on account of one of its batches, and it is not known of which. */
  readonly isObstructed: boolean;
}

const NOTHING: Attempt = { answers: [], busyVersions: new Map(), isObstructed: false };

function isContent(input: SlotInput): input is Content {
  return input.kind === 'content';
}

/** Somebody was in the way of a transaction that touched several batches, and it is not known in whose. */
export function isObstructed(error: unknown): error is AppError {
  return error instanceof AppError && (error.code === 'CONFLICT' || error.code === 'STORE_TIMED_OUT');
}
