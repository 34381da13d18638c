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
import type { PartitionOffset, RecordListener, RecordSource, TopicPartition } from '../domain/ports.ts';
import { backoffMs } from '../timing/backoff.ts';
import { settledWithin } from '../timing/deadline.ts';
import { fetchedOffset } from './consumer-cluster.ts';
import { ConsumerEpoch } from './consumer-epoch.ts';
import { ConsumerSession, type ConsumerSessionHooks } from './consumer-session.ts';
import { EpochCommits } from './epoch-commits.ts';
import { consumerError, isConsumingRefused } from './kafka-error.ts';
import { LostPositions } from './lost-positions.ts';
import { PartitionStarts } from './partition-starts.ts';
import { readRecordBatch, setAside } from './record-batch.ts';
import { type RecordSourceOptions, withDefaults } from './record-source-options.ts';

const START_MS_MAX = 30_000;
const RECOVERY_MS_MIN = 200;
const RECOVERY_MS_MAX = 3_000;
/** A consumer that lived this long had recovered; crashes in quicker succession are one outage. */
const STABLE_MS = 30_000;

export class KafkaRecordSource implements RecordSource {
  private readonly options: Required<RecordSourceOptions>;
  private readonly starts: PartitionStarts;
  private readonly lostPositions: LostPositions;
  private readonly commits: EpochCommits;
  private listener: RecordListener | undefined;
  private session: ConsumerSession | undefined;
  private epoch = new ConsumerEpoch(0, {});
  private state: 'idle' | 'starting' | 'running' | 'recovering' | 'stopped' = 'idle';
  private joinedAtMs = 0;
  private downSinceMs: number | undefined;
  private outsideSinceMs = performance.now();

  constructor(options: RecordSourceOptions) {
    this.options = withDefaults(options);
    this.starts = new PartitionStarts(options);
    this.commits = new EpochCommits({
      ...options,
      current: () => ({ epoch: this.epoch, session: this.session }),
      beginAnew: () => this.beginAnew(),
    });
    this.lostPositions = new LostPositions({ ...this.options, starts: this.starts, commits: this.commits });
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

  /**
   * How long Kafka has not answered this consumer, fetches and heartbeats included: both come and go all the time, with
   * partitions or without. Infinite while there is none.
   */
  silentMs(): number {
    return performance.now() - (this.session?.lastAnswerAtMs ?? Number.NEGATIVE_INFINITY);
  }

  /** How long it has been without an epoch of its own; 0 while it has one. */
  outsideMs(): number {
    return this.epoch.isOpen ? 0 : performance.now() - this.outsideSinceMs;
  }

  commit(epochNumber: number, offsets: readonly PartitionOffset[]): Promise<void> {
    return this.commits.commit(epochNumber, offsets);
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
      fetched: () => {
        if (!isCurrent()) return;
        this.openEpoch();
        this.commits.check();
      },
      passedOver: (partition, first, last) => isCurrent() && this.passOver(partition, first, last),
      recordBatch: async (payload) => {
        if (isCurrent()) await this.receive(payload);
      },
      outOfRange: async (partition) => {
        if (isCurrent()) await this.lostPositions.find(partition, this.epoch, this.session);
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
    this.outsideSinceMs = performance.now();
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
    if (!(await epoch.openedWhile(heartbeat, this.options.heartbeatIntervalMs))) return;
    const cursor = epoch.cursor(batch);
    if (cursor === undefined || cursor.isPaused || !epoch.delivers) return;
    // A late answer to a request of a former generation; taking it would leave a hole.
    if (fetchedOffset(batch) > cursor.position) return this.session?.seek(cursor, cursor.position);

    const { records, letters } = readRecordBatch(batch, cursor.position);
    if (letters.length > 0) {
      // Should setting aside fail, kafkajs comes back here without a heartbeat of its own.
      await heartbeat();
      await setAside(letters, this.options);
      if (epoch !== this.epoch || !epoch.delivers) return;
    }
    if (records.length > 0) this.tell((listener) => listener.records(epoch.number, records));
    const last = records.at(-1);
    cursor.advance(Number(batch.lastOffset()) + 1, last === undefined ? undefined : last.offset + 1);
    resolveOffset(String(cursor.position - 1));
    this.commits.commitGap(cursor);
  }

  private passOver(partition: TopicPartition, offsetFirst: number | null, offsetLast: number): void {
    const cursor = this.epoch.cursor(partition);
    if (cursor === undefined) return;
    if (cursor.passOver(offsetFirst, offsetLast) === 'doubted') this.session?.seek(cursor, cursor.position);
    else this.commits.commitGap(cursor);
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
