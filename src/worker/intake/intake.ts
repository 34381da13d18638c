import type { InboundRecord, PartitionOffset, RecordListener } from '../../domain/ports.ts';
import type { Service } from '../../lifecycle.ts';
import { Alarm } from '../../timing/alarm.ts';
import { settledWithin } from '../../timing/deadline.ts';
import { Repeating } from '../../timing/repeating.ts';
import type { Resolution } from '../settle/resolution.ts';
import { InFlight } from './in-flight.ts';
import type { IntakeDeps, IntakeState, PartitionActivity } from './intake-options.ts';
import { OffsetCommitter } from './offset-committer.ts';
import type { Lane } from './owned-partition.ts';
import { LaneSet } from './owned-partitions.ts';
import { CrashSuspects } from './poison-marks.ts';
import { CarefulExamination } from './poison-search.ts';
import { cutGroup, type RecordGroup } from './record-group.ts';

/** At the end of a stop the offsets get at least this long to reach the broker, however long the drain took. */
const LAST_COMMIT_MS = 2000;

/**
 * Between the record source and the group handler. Guarantees: every record of an epoch is handed over in offset
 * order, after those before it in its partition came to something, and settled once; an offset is committed only past settled records and only in its own epoch; at most
 * `groupsInFlightMax` groups at a time; a partition that must retry waits alone; memory is bounded by pausing; after a
 * clean `stop` or an orderly rebalance nothing that was resolved is delivered again.
 */
export class Intake implements RecordListener, Service {
  readonly name = 'intake';
  private readonly deps: IntakeDeps;
  private readonly suspects: CrashSuspects;
  private readonly committer: OffsetCommitter;
  private readonly careful: CarefulExamination;
  private readonly ticker: Repeating;
  private readonly lanes: LaneSet;
  private turn = 0;
  private readonly inFlight = new InFlight();
  private lastProgressAtMs = performance.now();
  private isPumpScheduled = false;
  private readonly alarm = new Alarm(() => this.pump());
  private hasFailed = false;
  private keepsMarks = false;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private yieldedEpoch: number | undefined;

  constructor(deps: IntakeDeps) {
    this.deps = deps;
    const { source, handler, attempts: store, metrics, log } = deps;
    const { instance, retryDelayMinMs, retryDelayMaxMs, commitIntervalMs, carefulRecordsMax } = deps.options;
    const onFatal = (error: unknown) => this.fail(error);
    this.suspects = new CrashSuspects({ store, instance, metrics, log, retryDelayMinMs, retryDelayMaxMs });
    this.lanes = new LaneSet(source, deps.options);
    this.committer = new OffsetCommitter({
      source,
      lanes: this.lanes,
      metrics,
      log,
      onCommitted: (lanes) => this.committed(lanes),
      onFailure: () => this.dependencyFailed(),
      onFatal,
      retryDelayMinMs,
      retryDelayMaxMs,
    });
    this.careful = new CarefulExamination({ suspects: this.suspects, handler, log, carefulRecordsMax });
    this.ticker = new Repeating(() => this.tick(), commitIntervalMs, onFatal);
  }

  start(): Promise<void> {
    this.starting ??= this.deps.source.start(this);
    this.ticker.start();
    return this.starting;
  }

  stop(): Promise<void> {
    this.stopping ??= this.drainAndLeave();
    return this.stopping;
  }

  state(): IntakeState {
    return {
      assigned: this.lanes.epoch !== null,
      epoch: this.lanes.epoch,
      bufferedCount: this.lanes.bufferedCount(),
      inFlightCount: this.inFlight.count,
      lastProgressAtMs: this.lastProgressAtMs,
    };
  }

  /** The partitions this instance owns now. */
  partitions(): readonly PartitionActivity[] {
    return this.lanes.all.map(({ topic, partition, lastAnswerAtMs }) => ({ topic, partition, lastAnswerAtMs }));
  }

  assigned(epoch: number, partitions: readonly PartitionOffset[]): void {
    this.retire();
    this.lanes.begin(epoch, partitions, performance.now());
    this.deps.log.debug({ epoch, partitionCount: partitions.length }, 'partitions assigned');
    if (this.stopping !== undefined) this.lanes.pauseAll();
    else if (partitions.length > 0) void this.admit(epoch).catch((error) => this.fail(error));
  }

  /** Ends and commits what is under way. What was not begun is the next owner's. */
  async yielding(epoch: number): Promise<void> {
    if (epoch !== this.lanes.epoch) return;
    this.yieldedEpoch = epoch;
    await this.inFlight.none();
    await this.committer.commit();
  }

  revoked(epoch: number): void {
    if (epoch !== this.lanes.epoch) return;
    this.deps.log.debug({ epoch }, 'partitions revoked');
    this.retire();
  }

  records(epoch: number, batch: readonly InboundRecord[]): void {
    const first = batch[0];
    if (first === undefined || epoch !== this.lanes.epoch || this.stopping !== undefined) return;
    const lane = this.lanes.find(first.topic, first.partition);
    if (lane === undefined) return;
    lane.append(batch, performance.now());
    this.lanes.pauseWhenFull(lane);
    this.schedulePump();
  }

  crashed(error: Error): void {
    this.fail(error);
  }

  /** Opens the lanes once it is known how their former owners ended. */
  private async admit(epoch: number): Promise<void> {
    await this.careful.admit(
      this.lanes.all,
      () => epoch === this.lanes.epoch,
      () => this.dependencyFailed(),
    );
    this.schedulePump();
  }

  /** Waits for the end of the turn, so that all partitions of one fetch go into the same groups. */
  private schedulePump(): void {
    if (this.isPumpScheduled) return;
    this.isPumpScheduled = true;
    setImmediate(() => {
      this.isPumpScheduled = false;
      this.pump();
    });
  }

  /** Starts as much as is due. */
  private pump(): void {
    const { epoch } = this.lanes;
    if (this.hasFailed || this.stopping !== undefined || epoch === null || epoch === this.yieldedEpoch) return;
    const { groupsInFlightMax, groupSizeMax, groupAgeMaxMs } = this.deps.options;
    const nowMs = performance.now();
    let wakeAtMs = Number.POSITIVE_INFINITY;
    while (this.inFlight.count < groupsInFlightMax) {
      const suspect = this.careful.next(this.lanes.all, nowMs);
      if (suspect !== undefined) {
        void this.run(suspect, () => this.examine(suspect));
        continue;
      }
      const { count, sinceMs } = this.lanes.readiness(nowMs);
      if (count === 0) break;
      // With nothing in flight waiting buys nothing; otherwise a group in flight is the time to collect the next one.
      if (this.inFlight.count > 0 && count < groupSizeMax && nowMs - sinceMs < groupAgeMaxMs) {
        wakeAtMs = sinceMs + groupAgeMaxMs;
        break;
      }
      const group = cutGroup(this.lanes.all, groupSizeMax, this.turn, nowMs);
      const last = group.parts.at(-1);
      // All that is ready belongs to partitions that are in a group already.
      if (last === undefined) break;
      this.turn = this.lanes.all.indexOf(last.lane);
      void this.run(group, () => this.deps.handler.handle(group.records));
    }
    this.alarm.setTo(Math.min(wakeAtMs, this.lanes.backoffEndMs(nowMs)), nowMs);
  }

  private async run(group: RecordGroup, handle: () => Promise<Resolution[] | undefined>): Promise<void> {
    const epoch = this.lanes.epoch;
    this.inFlight.begin();
    try {
      const resolutions = await handle();
      // What an epoch that is over came to is void: the records belong to somebody else or were delivered again.
      if (epoch === this.lanes.epoch && resolutions !== undefined) {
        this.settle(group, resolutions);
        if (group.parts[0]?.lane.mode === 'careful') await this.committer.commit();
      }
    } catch (error) {
      // A record that makes the handler throw would do so in every owner: let the next ones find it as after a crash.
      this.keepsMarks = true;
      this.fail(error);
    } finally {
      this.inFlight.end();
    }
    this.pump();
  }

  private examine(group: RecordGroup): Promise<Resolution[] | undefined> {
    const epoch = this.lanes.epoch;
    return this.careful.examine(
      group,
      () => epoch === this.lanes.epoch,
      () => this.dependencyFailed(),
    );
  }

  private settle(group: RecordGroup, resolutions: readonly Resolution[]): void {
    if (resolutions.length !== group.records.length)
      throw new Error('The handler answered a different number of records.');
    const nowMs = performance.now();
    // The last offset that failed, of each lane that has one.
    const failures = new Map<Lane, { offset: number; error: Error }>();
    for (const { lane, start, end } of group.parts) {
      for (let index = start; index < end; index += 1) {
        const resolution = resolutions[index];
        const sequence = group.sequences[index];
        const record = group.records[index];
        if (resolution === undefined || sequence === undefined || record === undefined) continue;
        if (resolution.kind === 'resolved') {
          lane.buffer.resolve(sequence);
          this.lastProgressAtMs = nowMs;
        } else {
          lane.buffer.putBack(sequence);
          failures.set(lane, { offset: record.offset, error: resolution.error });
        }
      }
    }
    for (const { lane } of group.parts) {
      if (!failures.has(lane)) lane.succeeded(nowMs);
      if (this.stopping === undefined) this.lanes.resumeWhenRoom(lane);
    }
    for (const [lane, { offset, error }] of failures) this.retryLater(lane, offset, error, nowMs);
  }

  private retryLater(lane: Lane, offset: number, error: Error, nowMs: number): void {
    if (!lane.failed(offset, nowMs)) return;
    this.deps.metrics.retries.inc({ reason: 'intake' });
    const { topic, partition, failureCount } = lane;
    const fields = { err: error, topic, partition, offset, failureCount };
    this.deps.log.warn(fields, 'records put back to be tried again');
  }

  private committed(lanes: readonly Lane[]): void {
    void this.suspects.clear(this.careful.progressed(lanes));
    this.schedulePump();
  }

  /** Waiting for a dependency that is known to fail is not silence. */
  private dependencyFailed(): void {
    const nowMs = performance.now();
    for (const lane of this.lanes.all) lane.lastAnswerAtMs = nowMs;
  }

  private async tick(): Promise<void> {
    this.deps.metrics.buffered.set(this.lanes.bufferedCount());
    await this.committer.commit();
  }

  private retire(): void {
    void this.forgetMarks();
    this.lanes.end();
  }

  /** This process lives to end its epoch, so its marks in the attempt store are no sign of a crash. */
  private forgetMarks(): Promise<void> {
    return this.keepsMarks ? Promise.resolve() : this.suspects.clear(this.careful.forget(this.lanes.all));
  }

  private async drainAndLeave(): Promise<void> {
    const { drainDeadlineMs } = this.deps.options;
    const deadlineMs = performance.now() + drainDeadlineMs;
    this.alarm.clear();
    this.lanes.pauseAll();
    if (!(await settledWithin(this.inFlight.none(), drainDeadlineMs)))
      this.deps.log.error({ inFlightCount: this.inFlight.count }, 'groups in flight did not end in time');
    const commitUntilMs = Math.max(deadlineMs, performance.now() + LAST_COMMIT_MS);
    await settledWithin(this.ticker.stop(), commitUntilMs - performance.now());
    await settledWithin(this.committer.commitUntil(commitUntilMs), commitUntilMs - performance.now());
    await settledWithin(this.forgetMarks(), LAST_COMMIT_MS);
    this.retire();
    await this.deps.source.stop();
    this.deps.metrics.buffered.set(0);
  }

  private fail(error: unknown): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.alarm.clear();
    this.deps.onFatal(error instanceof Error ? error : new Error(String(error)));
  }
}
