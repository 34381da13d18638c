/**
 * What to do about a position that its log does not hold. Where records were deleted before they were read, the
 * partition passes over them as over a gap; they are counted, and told of once for every partition. Where the log ends
 * before the position it is another one, made anew: it begins at its beginning in a new epoch, and what was read of the
 * former one is void.
 */
import type { TopicPartition } from '../domain/ports.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { settledWithin } from '../timing/deadline.ts';
import type { LogRange } from './consumer-cluster.ts';
import { type ConsumerEpoch, keyOf } from './consumer-epoch.ts';
import type { ConsumerSession } from './consumer-session.ts';
import type { EpochCommits } from './epoch-commits.ts';
import type { PartitionCursor } from './partition-cursor.ts';
import type { PartitionStarts } from './partition-starts.ts';

export interface LostPositionsDeps {
  readonly starts: PartitionStarts;
  readonly commits: EpochCommits;
  readonly maxWaitMs: number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export class LostPositions {
  private readonly deps: LostPositionsDeps;
  private readonly told = new Set<string>();

  constructor(deps: LostPositionsDeps) {
    this.deps = deps;
  }

  async find(partition: TopicPartition, epoch: ConsumerEpoch, session: ConsumerSession | undefined): Promise<void> {
    const { maxWaitMs, starts, commits } = this.deps;
    // Asked again with the next fetch, as long as it is not known where to begin.
    await settledWithin(epoch.opened, maxWaitMs);
    if (!epoch.isOpen || session === undefined) return;
    const range = await session.cluster.logRange(partition);
    const cursor = epoch.cursor(partition);
    if (cursor === undefined) return;
    this.move(cursor, range);
    if (cursor.isVoid) {
      starts.restartAt(cursor, range.offsetFirst);
      session.cluster.rejoin();
      return;
    }
    session.seek(cursor, cursor.position);
    commits.commitGap(cursor);
  }

  /** The cursor is moved to where there is something to read, or void when the log is another one. */
  private move(cursor: PartitionCursor, { offsetFirst, offsetEnd }: LogRange): void {
    const { topic, partition, position } = cursor;
    if (position <= offsetEnd) {
      this.count(cursor, position, offsetFirst);
      cursor.advance(offsetFirst, undefined);
      return;
    }
    this.count(cursor, cursor.committedPosition, position);
    this.deps.log.warn(
      { topic, partition, position, offsetEnd },
      'the log was made anew, reading it from its beginning',
    );
    cursor.isVoid = true;
  }

  /** Offsets stand for records: of compacted or transactional logs these are somewhat more. */
  private count({ topic, partition }: TopicPartition, offsetFrom: number, offsetEnd: number): void {
    const count = offsetEnd - offsetFrom;
    if (count <= 0) return;
    this.deps.metrics.recordsDeletedUnread.inc(count);
    const fields = { topic, partition, offsetFrom, offsetEnd, count };
    const isTold = this.told.has(keyOf({ topic, partition }));
    this.told.add(keyOf({ topic, partition }));
    if (isTold) this.deps.log.debug(fields, 'more records were deleted from the log before they were read');
    else this.deps.log.error(fields, 'records were deleted from the log before they were read; going on behind them');
  }
}
