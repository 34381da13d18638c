/**
 * Between the record source and the handler of groups. Guarantees: every record of an epoch is handed over in offset
 * order, after those before it in its partition came to something, and settled once; an offset is committed only past
 * settled records and only in its own epoch; at most `groupsInFlightMax` groups at a time; a partition that must retry
 * waits alone; memory is bounded by pausing; after a clean `stop` or an orderly rebalance nothing that was resolved is
 * delivered again.
 *
 * What it does with records depends on the epoch that it owns:
 *
 *              assigned                      yielding
 *     no epoch ────────▶ working ──────────────────────▶ yielding
 *        ▲            (cuts, settles, commits)       (ends and commits what is in flight)
 *        └──────────────── revoked, or assigned anew ───────┘
 *
 *     from any of them:  stop() ─▶ draining: no new group, commit, leave     fail ─▶ failed: no new group, onFatal once
 *
 * One record:            waiting ─ taken into a group ─┬─ resolved ─ committed
 *                         ▲                          ├─ awaited: taken until it is known what it came to
 *                         │                          ├─ retry ── its partition waits for a backoff ──┐
 *                         │                          └─ parked ─ its batch waits for a backoff ──────┤
 *                         └───────────────────────────────── put back ──────────────────────────────┘
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { InboundRecord, PartitionStart, RecordListener } from '../../domain/ports.ts';
import type { Service } from '../../lifecycle.ts';
import { Alarm } from '../../timing/alarm.ts';
import { settledWithin } from '../../timing/deadline.ts';
import { Repeating } from '../../timing/repeating.ts';
import type { Answered } from '../settle/resolution.ts';
import { InFlight } from './in-flight.ts';
import type { IntakeDeps, IntakeState, PartitionActivity } from './intake-options.ts';
import { OffsetCommitter } from './offset-committer.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { OwnedPartitions, type RecordGroup } from './owned-partitions.ts';
import { PoisonMarks } from './poison-marks.ts';
import { PoisonSearch } from './poison-search.ts';
import { Settlement } from './settlement.ts';
import { WorkHealth } from './work-health.ts';

/** At the end of a stop the offsets get at least this long to reach the broker, however long the drain took. */
const LAST_COMMIT_MS = 2000;
/** Who is in the way of a parked record in ordinary traffic is through in that time. */
const STRAGGLERS_MS_MAX = 1000;
const STRAGGLERS_PAUSE_MS = 5;

export class Intake implements RecordListener, Service {
  readonly name = 'intake';
  /** Whether records come to anything. */
  readonly work: WorkHealth;
  private readonly deps: IntakeDeps;
  private readonly committer: OffsetCommitter;
  private readonly search: PoisonSearch;
  private readonly settlement: Settlement;
  private readonly ticker: Repeating;
  private owned: OwnedPartitions;
  private readonly inFlight = new InFlight();
  private isPumpScheduled = false;
  private readonly alarm = new Alarm(() => this.pump());
  private hasFailed = false;
  private heldBecause: IntakeState['heldBecause'] = null;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private yielded: OwnedPartitions | undefined;

  constructor(deps: IntakeDeps) {
    this.deps = deps;
    const { source, handler, poisonMarks: store, metrics, log } = deps;
    const { retryDelayMinMs, retryDelayMaxMs, commitIntervalMs } = deps.options;
    const onFatal = (error: unknown) => this.fail(error);
    this.owned = OwnedPartitions.none(source);
    this.work = new WorkHealth({ parked: deps.parked });
    this.committer = new OffsetCommitter({
      source,
      owned: () => this.owned,
      metrics,
      log,
      onCommitted: (moved) => this.committed(moved),
      onFatal,
      retryDelayMinMs,
      retryDelayMaxMs,
    });
    const marks = new PoisonMarks({ store, metrics, log, retryDelayMinMs, retryDelayMaxMs });
    this.search = new PoisonSearch({ marks, handler, log });
    this.settlement = new Settlement({
      ...deps,
      work: this.work,
      takesMore: () => this.stopping === undefined && this.heldBecause === null,
      onSettled: (owned) => this.search.settled(owned),
      onSettledLater: () => this.schedulePump(),
      onFatal,
    });
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
      assigned: this.owned.epoch !== null,
      epoch: this.owned.epoch,
      bufferedCount: this.owned.bufferedCount(),
      inFlightCount: this.inFlight.count,
      heldBecause: this.heldBecause,
      lastProgressAtMs: this.settlement.lastProgressAtMs,
    };
  }

  /** Begins nothing and fetches nothing until released; what is in flight ends and is committed. */
  hold(because: NonNullable<IntakeState['heldBecause']>): void {
    this.heldBecause = because;
    this.owned.pauseAll();
  }

  release(): void {
    this.heldBecause = null;
    if (this.stopping === undefined) for (const owned of this.owned.all) this.owned.resumeWhenRoom(owned);
    this.schedulePump();
  }

  partitions(): readonly PartitionActivity[] {
    return this.owned.all.map(({ topic, partition, lastAnswerAtMs }) => ({ topic, partition, lastAnswerAtMs }));
  }

  assigned(epoch: number, partitions: readonly PartitionStart[]): void {
    this.retire();
    const { source, options, log } = this.deps;
    this.owned = OwnedPartitions.of(source, epoch, partitions, options, performance.now());
    log.debug({ epoch, partitionCount: partitions.length }, 'partitions assigned');
    this.search.begin(this.owned, partitions);
    if (this.stopping !== undefined || this.heldBecause !== null) this.owned.pauseAll();
  }

  /** Ends and commits what is under way. What was not begun is the next owner's. */
  async yielding(epoch: number): Promise<void> {
    if (epoch !== this.owned.epoch) return;
    this.yielded = this.owned;
    await this.nothingInHand();
    await this.finishStragglers();
    await this.committer.commit();
  }

  revoked(epoch: number): void {
    if (epoch !== this.owned.epoch) return;
    this.deps.log.debug({ epoch }, 'partitions revoked');
    this.retire();
  }

  records(epoch: number, records: readonly InboundRecord[]): void {
    const first = records[0];
    if (first === undefined || epoch !== this.owned.epoch || this.stopping !== undefined) return;
    const owned = this.owned.find(first.topic, first.partition);
    if (owned === undefined) return;
    owned.append(records, performance.now());
    this.owned.pauseWhenFull(owned);
    this.schedulePump();
  }

  crashed(error: Error): void {
    this.fail(error);
  }

  /** Waits for the end of the turn of the event loop, so that all partitions of one fetch go into the same groups. */
  private schedulePump(): void {
    if (this.isPumpScheduled) return;
    this.isPumpScheduled = true;
    setImmediate(() => {
      this.isPumpScheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    const { owned } = this;
    if (this.hasFailed || this.stopping !== undefined || !owned.isCurrent || owned === this.yielded) return;
    if (this.heldBecause !== null) return;
    const { groupsInFlightMax, groupSizeMax, groupAgeMaxMs } = this.deps.options;
    const nowMs = performance.now();
    let wakeAtMs = this.releaseParked(nowMs);
    while (this.inFlight.count < groupsInFlightMax) {
      const single = this.search.next(owned, nowMs);
      if (single !== undefined) {
        void this.run(owned, single, () => this.search.handle(single, owned)).then(() => this.tick());
        continue;
      }
      const { count, sinceMs } = owned.readiness(nowMs);
      if (count === 0) break;
      // With nothing in flight a group is cut at once; otherwise the next one collects records until it is full or old.
      if (this.inFlight.count > 0 && count < groupSizeMax && nowMs - sinceMs < groupAgeMaxMs) {
        wakeAtMs = Math.min(wakeAtMs, sinceMs + groupAgeMaxMs);
        break;
      }
      const group = owned.cutGroup(groupSizeMax, nowMs);
      if (group === undefined) break;
      void this.run(owned, group, () => this.search.handleGroup(group, owned));
    }
    this.alarm.setTo(Math.min(wakeAtMs, owned.backoffEndMs(nowMs)), nowMs);
  }

  /** Puts back what is parked for batches whose backoff is over; answers when the next one is. */
  private releaseParked(nowMs: number): number {
    for (const batchId of this.deps.parked.release(nowMs)) this.owned.releaseParked(batchId, nowMs);
    return this.deps.parked.nextDueMs();
  }

  /** `handle` answers undefined when it found the epoch ended. */
  private async run(
    epoch: OwnedPartitions,
    group: RecordGroup,
    handle: () => Promise<Answered[] | undefined>,
  ): Promise<void> {
    this.inFlight.begin();
    try {
      const resolutions = await handle();
      // Results of an ended epoch are dropped: its records belong to another owner by now, or were delivered again.
      if (epoch.isCurrent && resolutions !== undefined) this.settlement.settle(epoch, group, resolutions);
    } catch (error) {
      // The record would make every owner throw.
      this.search.keepMarks();
      this.fail(error);
    } finally {
      this.inFlight.end();
    }
    this.pump();
  }

  /**
   * Records behind a parked one may be resolved, and would be delivered again because of it. So what is parked is tried
   * once more, for a moment, before an orderly end.
   */
  private async finishStragglers(): Promise<void> {
    const { owned } = this;
    const endMs = performance.now() + STRAGGLERS_MS_MAX;
    while (owned.isCurrent && !this.hasFailed && performance.now() < endMs) {
      for (const batchId of this.deps.parked.release(Number.POSITIVE_INFINITY)) {
        owned.releaseParked(batchId, performance.now());
      }
      const group = owned.cutStragglers(this.deps.options.groupSizeMax);
      if (group === undefined) return;
      await this.run(owned, group, () => this.search.handleGroup(group, owned));
      await this.nothingInHand();
      await delay(STRAGGLERS_PAUSE_MS);
    }
  }

  private async nothingInHand(): Promise<void> {
    await this.inFlight.none();
    await this.settlement.nothingAwaited();
  }

  private committed(moved: readonly OwnedPartition[]): void {
    this.search.committed(moved);
    this.schedulePump();
  }

  private async tick(): Promise<void> {
    this.deps.metrics.buffered.set(this.owned.bufferedCount());
    // Held on purpose, it is not silent.
    if (this.heldBecause !== null) this.owned.dependencyFailed();
    await this.committer.commit();
  }

  private retire(): void {
    void this.search.clear(this.owned.all);
    this.owned.end();
    this.owned = OwnedPartitions.none(this.deps.source);
  }

  private async drainAndLeave(): Promise<void> {
    const { drainDeadlineMs } = this.deps.options;
    const deadlineMs = performance.now() + drainDeadlineMs;
    this.alarm.clear();
    this.owned.pauseAll();
    const drained = this.nothingInHand().then(() => this.finishStragglers());
    if (!(await settledWithin(drained, drainDeadlineMs)))
      this.deps.log.error({ inFlightCount: this.inFlight.count }, 'groups in flight did not end in time');
    const commitUntilMs = Math.max(deadlineMs, performance.now() + LAST_COMMIT_MS);
    await settledWithin(this.ticker.stop(), commitUntilMs - performance.now());
    await settledWithin(this.committer.commitUntil(commitUntilMs), commitUntilMs - performance.now());
    await settledWithin(this.search.clear(this.owned.all), LAST_COMMIT_MS);
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
