/**
 * Commits of the current epoch: first to the database, then to Kafka, which so never knows a position that the database
 * does not have; one after the other, or an older commit that is slow could overtake a newer one. An epoch ends here when
 * the database lost what it had acknowledged, or the group does not know the member any more.
 */
import type { PartitionMove, PartitionOffset, PartitionProgressStore } from '../domain/ports.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ConsumerEpoch } from './consumer-epoch.ts';
import type { ConsumerSession } from './consumer-session.ts';
import { isFenced } from './kafka-error.ts';
import type { PartitionCursor } from './partition-cursor.ts';

export interface EpochCommitsDeps {
  readonly progress: Pick<PartitionProgressStore, 'advance'>;
  readonly log: Logger;
  /** What is current at this moment. */
  readonly current: () => { readonly epoch: ConsumerEpoch; readonly session: ConsumerSession | undefined };
  /** Ends the epoch and joins again. */
  readonly beginAnew: () => void;
}

/** How long a member with nothing to commit may not know that the database was replaced. */
const CHECK_INTERVAL_MS = 2_000;

export class EpochCommits {
  private readonly deps: EpochCommitsDeps;
  private last: Promise<void> = Promise.resolve();
  private checkedAtMs = 0;

  constructor(deps: EpochCommitsDeps) {
    this.deps = deps;
  }

  /** Rejects retryably; does nothing for an epoch that is not current. */
  async commit(epochNumber: number, offsets: readonly PartitionOffset[]): Promise<void> {
    const done = this.last.then(() => this.commitNow(epochNumber, offsets));
    this.last = done.catch(() => undefined);
    await done;
  }

  /** Nobody else will commit past a record batch without records: the listener never sees it. */
  commitGap(cursor: PartitionCursor): void {
    const { epoch, session } = this.deps.current();
    if (!cursor.hasUncommittedGap() || session?.canCommit() !== true) return;
    const { topic, partition, position } = cursor;
    this.commit(epoch.number, [{ topic, partition, offsetNext: position }]).catch((error: unknown) => {
      this.deps.log.debug({ err: error }, 'gap not committed, the next commit covers it');
    });
  }

  /**
   * To be called all the time. A member that has nothing to commit would not notice that the database lost what it had
   * settled, and nobody would read it again: so now and then it asks by a move to where it is.
   */
  check(): void {
    const nowMs = performance.now();
    const { epoch } = this.deps.current();
    const cursor = epoch.anyCursor();
    if (cursor === undefined || nowMs - this.checkedAtMs < CHECK_INTERVAL_MS) return;
    this.checkedAtMs = nowMs;
    const { topic, partition, committedPosition } = cursor;
    const here = { topic, partition, offsetFrom: committedPosition, offsetNext: committedPosition };
    const checked = this.last.then(async () => {
      if (epoch.isOpen) await this.isInDatabase(epoch, [here]);
    });
    this.last = checked.catch((error: unknown) => {
      this.deps.log.debug({ err: error }, 'the position in the database could not be checked');
    });
  }

  private async commitNow(epochNumber: number, offsets: readonly PartitionOffset[]): Promise<void> {
    const { epoch, session } = this.deps.current();
    if (epoch.number !== epochNumber || !epoch.isOpen || session === undefined) return;
    const moves = offsets.flatMap(({ topic, partition, offsetNext }) => {
      const cursor = epoch.cursor({ topic, partition });
      const target = cursor?.commitTarget(offsetNext) ?? null;
      if (cursor === undefined || target === null) return [];
      return [{ topic, partition, offsetFrom: cursor.committedPosition, offsetNext: target }];
    });
    if (moves.length === 0 || !(await this.isInDatabase(epoch, moves))) return;
    try {
      await session.commit(moves);
    } catch (error) {
      if (!epoch.isOpen) return;
      if (!isFenced(error)) throw new AppError('UNAVAILABLE', 'offsets were not committed', { cause: error });
      this.deps.log.warn({ err: error, epoch: epoch.number }, 'no longer a member of the group, joining again');
      this.deps.beginAnew();
      return;
    }
    for (const move of moves) epoch.cursor(move)?.committed(move.offsetNext);
  }

  /** False when there is nothing to commit any more. */
  private async isInDatabase(epoch: ConsumerEpoch, moves: readonly PartitionMove[]): Promise<boolean> {
    const refused = await this.deps.progress.advance(moves);
    if (!epoch.isOpen) return false;
    if (refused.length === 0) return true;
    const fields = { epoch: epoch.number, refused };
    this.deps.log.warn(fields, 'the database was restarted or replaced, reading again from what it has');
    this.deps.beginAnew();
    return false;
  }
}
