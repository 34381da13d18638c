/**
 * A member of the consumer group. It hands over every record of its partitions in offset order and without a hole, from
 * the smaller of Kafka's and the database's position on, each under the epoch that owns it. It commits to Kafka what the
 * database has and nothing for an epoch that has ended; a database that lost what it had acknowledged, and a member that
 * lost its membership, begin a new epoch. A lost broker is waited for, up to `outageMsMax`; what waiting cannot mend (no
 * permission) ends in `crashed`. A record batch that cannot be decompressed becomes a dead letter before it is passed
 * over. A topic that is missing is waited for beside the others. Records that are not in the log any more are counted;
 * a log that was made anew is read from its beginning.
 *
 * The source, which replaces its consumer when that crashes:
 *
 *     idle ── start ─▶ starting ── joined ─▶ running ◀── joined again ── recovering
 *                         │                     └─────── consumer crashed ──▲ │
 *                         └── 30 s, or refused ──▶ stopped ◀── stop() ────────┤
 *                                                     ▲── outageMsMax, or refused: crashed()
 *
 * Within it, one epoch after the other (`consumer-epoch.ts`), each beginning with a join:
 *
 *     joined ── first fetch ─▶ opening ── starts known ─▶ open ── group rebalances ─▶ yielding ─▶ ended
 *       │               asks the database             assigned()                    yielding()   revoked()
 *       │                                             hands over, commits           only commits
 *       └──────────── joined anew, crashed, stopped, fenced or set back: from anywhere ──────────▶ ended
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { EachBatchPayload } from 'kafkajs';
import type {
  DeadLetter,
  PartitionMove,
  PartitionOffset,
  RecordListener,
  RecordSource,
  TopicPartition,
} from '../domain/ports.ts';
import { AppError } from '../errors.ts';
import { backoffMs } from '../timing/backoff.ts';
import { settledWithin } from '../timing/deadline.ts';
import { fetchedOffset } from './consumer-cluster.ts';
import { ConsumerEpoch } from './consumer-epoch.ts';
import { ConsumerSession, type ConsumerSessionHooks } from './consumer-session.ts';
import { consumerError, isConsumingRefused, isFenced } from './kafka-error.ts';
import type { PartitionCursor } from './partition-cursor.ts';
import { PartitionStarts } from './partition-starts.ts';
import { readRecordBatch } from './record-batch.ts';
import { type RecordSourceOptions, withDefaults } from './record-source-options.ts';
import { UnreadRecords } from './unread-records.ts';

const START_MS_MAX = 30_000;
const RECOVERY_MS_MIN = 200;
const RECOVERY_MS_MAX = 3_000;
/** A consumer that lived this long had recovered; crashes in quicker succession are one outage. */
const STABLE_MS = 30_000;

export class KafkaRecordSource implements RecordSource {
  private readonly options: Required<RecordSourceOptions>;
  private readonly starts: PartitionStarts;
  private readonly unread: UnreadRecords;
  private listener: RecordListener | undefined;
  private session: ConsumerSession | undefined;
  private epoch = new ConsumerEpoch(0, {});
  private commits: Promise<void> = Promise.resolve();
  private state: 'idle' | 'starting' | 'running' | 'recovering' | 'stopped' = 'idle';
  private joinedAtMs = 0;
  private downSinceMs: number | undefined;

  constructor(options: RecordSourceOptions) {
    this.options = withDefaults(options);
    this.starts = new PartitionStarts(options);
    this.unread = new UnreadRecords(options);
  }

  async start(listener: RecordListener): Promise<void> {
    this.listener = listener;
    this.state = 'starting';
    try {
      await this.openSession().catch((error: unknown) => this.reopen('starting', error, START_MS_MAX));
    } catch (error) {
      this.state = 'stopped';
      await this.closeSession();
      throw consumerError(error);
    }
    this.resumeRunning('starting');
  }

  pause(partition: TopicPartition): void {
    this.setPaused(partition, true);
  }

  resume(partition: TopicPartition): void {
    this.setPaused(partition, false);
  }

  async commit(epochNumber: number, offsets: readonly PartitionOffset[]): Promise<void> {
    // One after the other, or an older commit that is slow could overtake a newer one.
    const done = this.commits.then(() => this.commitNow(epochNumber, offsets));
    this.commits = done.catch(() => undefined);
    await done;
  }

  async stop(): Promise<void> {
    if (this.state === 'stopped' || this.state === 'idle') return;
    this.state = 'stopped';
    this.endEpoch();
    await this.closeSession();
  }

  private async openSession(): Promise<void> {
    const session: ConsumerSession = new ConsumerSession(
      this.options,
      this.hooksOf(() => session === this.session),
    );
    this.session = session;
    await session.open();
    // Stopped meanwhile: leave the group again, or its partitions would wait for us.
    if (session !== this.session) await session.close();
  }

  /** A crash in the very moment of joining was not acted upon yet. */
  private resumeRunning(from: 'starting' | 'recovering'): void {
    if (this.state !== from) return;
    this.state = 'running';
    if (this.session?.failure !== undefined) this.recoverFrom(this.session.failure);
  }

  private async closeSession(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    if (session === undefined) return;
    const closed = session.close().catch((error: unknown) => {
      this.options.log.warn({ err: error }, 'consumer did not close cleanly');
    });
    await settledWithin(closed, this.options.stopMsMax);
  }

  /** Hooks of a session that was replaced are deaf. */
  private hooksOf(isCurrent: () => boolean): ConsumerSessionHooks {
    return {
      joined: (assignment) => isCurrent() && this.beginEpoch(assignment),
      yielding: async () => {
        if (isCurrent()) await this.yieldEpoch();
      },
      ended: () => isCurrent() && this.endEpoch(),
      fetched: () => isCurrent() && this.openEpoch(),
      passedOver: (partition, first, last) => isCurrent() && this.passOver(partition, first, last),
      recordBatch: async (payload) => {
        if (isCurrent()) await this.receive(payload);
      },
      outOfRange: async (partition) => {
        if (isCurrent()) await this.findPosition(partition);
      },
      topicsMissing: (topics) => {
        if (!isCurrent()) return;
        if (topics.length > 0) this.options.log.error({ topics }, 'input topics are missing, the others are read');
        else this.options.log.info('all input topics are there again');
      },
      crashed: (error) => {
        if (isCurrent()) this.recoverFrom(error);
      },
    };
  }

  private beginEpoch(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.endEpoch();
    this.joinedAtMs = performance.now();
    this.epoch = new ConsumerEpoch(this.epoch.number + 1, assignment);
    this.options.metrics.rebalances.inc();
  }

  /** Once Kafka's positions are known the database is asked for its own; before that no record batch is accepted. */
  private openEpoch(): void {
    const { epoch, session } = this;
    const committed = epoch.beginOpening(({ topic, partition }) => session?.cluster.position(topic, partition));
    if (committed === null || session === undefined) return;
    this.openAt(epoch, session, committed).catch((error: unknown) => this.fail(error));
  }

  private async openAt(
    epoch: ConsumerEpoch,
    session: ConsumerSession,
    committed: readonly PartitionOffset[],
  ): Promise<void> {
    const starts = await this.starts.of(epoch, committed);
    if (starts === null) return;
    for (const [index, start] of starts.entries()) {
      if (start.offsetNext !== committed[index]?.offsetNext) session.seek(start, start.offsetNext);
    }
    epoch.open(starts);
    this.options.log.info({ epoch: epoch.number, partitions: starts.length }, 'partitions assigned');
    this.tell((listener) => listener.assigned(epoch.number, starts));
  }

  /** Waits for the epoch to open, however long that takes, and stays a member meanwhile. */
  private async isOpen(epoch: ConsumerEpoch, heartbeat: () => Promise<void>): Promise<boolean> {
    while (!epoch.isOpen && !epoch.ended.aborted) {
      if (!(await settledWithin(epoch.opened, this.options.heartbeatIntervalMs))) await heartbeat();
    }
    return epoch.isOpen;
  }

  /** Ends the epoch for a reason that kafkajs does not know of: it is to join again, and the group's positions with it. */
  private beginAnew(): void {
    this.endEpoch();
    this.session?.cluster.rejoin();
  }

  /** Gives the listener the time to end what it has begun, so that no successor has to do it again. */
  private async yieldEpoch(): Promise<void> {
    const { epoch, listener } = this;
    if (!epoch.delivers || listener === undefined) return;
    epoch.yield();
    this.options.log.debug({ epoch: epoch.number }, 'partitions are yielded');
    const yielded = listener.yielding(epoch.number).catch((error: unknown) => {
      this.options.log.warn({ err: error }, 'partitions were not yielded cleanly');
    });
    await settledWithin(yielded, this.options.yieldMsMax);
  }

  private endEpoch(): void {
    const { epoch } = this;
    if (!epoch.end()) return;
    this.options.log.info({ epoch: epoch.number }, 'partitions revoked');
    this.tell((listener) => listener.revoked(epoch.number));
  }

  private setPaused(partition: TopicPartition, isPaused: boolean): void {
    const cursor = this.epoch.cursor(partition);
    if (cursor === undefined || cursor.isPaused === isPaused) return;
    cursor.isPaused = isPaused;
    if (isPaused) this.session?.pause(partition);
    else this.session?.resume(partition);
  }

  /**
   * Whatever is not resolved here is fetched again from the position kafkajs has. It sends the heartbeat afterwards.
   */
  private async receive({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
    const { epoch } = this;
    if (!(await this.isOpen(epoch, heartbeat))) return;
    const cursor = epoch.cursor(batch);
    if (cursor === undefined || cursor.isPaused || !epoch.delivers) return;
    // A late answer to a request of a former generation; taking it would leave a hole.
    if (fetchedOffset(batch) > cursor.position) return this.session?.seek(cursor, cursor.position);

    const { records, letters } = readRecordBatch(batch, cursor.position);
    if (letters.length > 0) {
      // Should setting aside fail, kafkajs comes back here without a heartbeat of its own.
      await heartbeat();
      await this.setAside(letters);
      if (epoch !== this.epoch || !epoch.delivers) return;
    }
    if (records.length > 0) this.tell((listener) => listener.records(epoch.number, records));
    const last = records.at(-1);
    cursor.advance(Number(batch.lastOffset()) + 1, last === undefined ? undefined : last.offset + 1);
    resolveOffset(String(cursor.position - 1));
    this.commitGap(cursor);
  }

  private async setAside(letters: readonly DeadLetter[]): Promise<void> {
    for (const { record, detail } of letters) {
      const { topic, partition, offset } = record;
      this.options.log.error({ topic, partition, offset, detail }, 'record batch cannot be decoded and is passed over');
    }
    await this.options.deadLetters.publishDeadLetters(letters);
  }

  private passOver(partition: TopicPartition, offsetFirst: number | null, offsetLast: number): void {
    const cursor = this.epoch.cursor(partition);
    if (cursor === undefined) return;
    if (cursor.passOver(offsetFirst, offsetLast) === 'doubted') this.session?.seek(cursor, cursor.position);
    else this.commitGap(cursor);
  }

  /**
   * The log does not hold the position: records were deleted unread, which the partition passes over as a gap, or the
   * log ends before it and is another one, which begins in a new epoch. What was read of the former one is void.
   */
  private async findPosition(partition: TopicPartition): Promise<void> {
    const { epoch, session } = this;
    await settledWithin(epoch.opened, this.options.maxWaitMs);
    if (!epoch.isOpen || session === undefined) return;
    const { offsetFirst, offsetEnd } = await session.cluster.logRange(partition);
    const cursor = epoch.cursor(partition);
    if (cursor === undefined) return;
    const { topic, position } = cursor;
    if (position > offsetEnd) {
      this.unread.deleted(cursor, cursor.committedPosition, position);
      this.options.log.warn({ topic, partition: cursor.partition, position, offsetEnd }, 'the log was made anew');
      cursor.isVoid = true;
      this.starts.restartAt(cursor, offsetFirst);
      session.cluster.rejoin();
      return;
    }
    this.unread.deleted(cursor, position, offsetFirst);
    cursor.advance(offsetFirst, undefined);
    session.seek(cursor, cursor.position);
    this.commitGap(cursor);
  }

  /** Nobody else will commit past a record batch without records: the listener never sees it. */
  private commitGap(cursor: PartitionCursor): void {
    if (!cursor.hasUncommittedGap() || this.session?.canCommit() !== true) return;
    const { topic, partition, position } = cursor;
    this.commit(this.epoch.number, [{ topic, partition, offsetNext: position }]).catch((error: unknown) => {
      this.options.log.debug({ err: error }, 'gap not committed, the next commit covers it');
    });
  }

  private async commitNow(epochNumber: number, offsets: readonly PartitionOffset[]): Promise<void> {
    const { epoch, session } = this;
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
      this.options.log.warn({ err: error, epoch: epoch.number }, 'no longer a member of the group, joining again');
      this.beginAnew();
      return;
    }
    for (const move of moves) epoch.cursor(move)?.committed(move.offsetNext);
  }

  /** Kafka never knows a position that the database does not have. False when there is nothing to commit any more. */
  private async isInDatabase(epoch: ConsumerEpoch, moves: readonly PartitionMove[]): Promise<boolean> {
    const refused = await this.options.progress.advance(moves);
    if (!epoch.isOpen) return false;
    if (refused.length === 0) return true;
    const fields = { epoch: epoch.number, refused };
    this.options.log.warn(fields, 'the database was restarted or replaced, reading again from what it has');
    this.beginAnew();
    return false;
  }

  private recoverFrom(error: unknown): void {
    this.recover(error).catch((failure: unknown) => this.fail(failure));
  }

  private async recover(error: unknown): Promise<void> {
    this.endEpoch();
    if (this.state !== 'running') return;
    this.state = 'recovering';
    const nowMs = performance.now();
    if (nowMs - this.joinedAtMs > STABLE_MS) this.downSinceMs = undefined;
    this.downSinceMs ??= nowMs;
    await this.reopen('recovering', error, this.options.outageMsMax - (nowMs - this.downSinceMs));
    this.resumeRunning('recovering');
  }

  /** Replaces the consumer until one joins; rejects when that takes too long or waiting cannot mend the cause. */
  private async reopen(during: 'starting' | 'recovering', error: unknown, durationMsMax: number): Promise<void> {
    const endMs = performance.now() + durationMsMax;
    let cause = error;
    for (let failureCount = 1; this.state === during; failureCount += 1) {
      if (isConsumingRefused(cause) || performance.now() > endMs) throw cause;
      const waitMs = backoffMs(failureCount, RECOVERY_MS_MIN, RECOVERY_MS_MAX);
      this.options.log.warn({ err: cause, waitMs }, 'consumer crashed, replacing it');
      await delay(waitMs);
      await this.closeSession();
      if (this.state !== during) return;
      try {
        return await this.openSession();
      } catch (failure) {
        cause = failure;
      }
    }
  }

  private fail(error: unknown): void {
    if (this.state === 'stopped') return;
    this.state = 'stopped';
    this.endEpoch();
    this.closeSession().catch(() => undefined);
    this.options.log.error({ err: error }, 'consumer failed');
    this.listener?.crashed(consumerError(error));
  }

  /** A listener that throws has a bug and may have lost records: nothing is to be committed after that. */
  private tell(call: (listener: RecordListener) => void): void {
    try {
      if (this.listener !== undefined) call(this.listener);
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }
}
