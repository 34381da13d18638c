/**
 * Publishes outbox rows. Guarantees: a row is marked only when every message of it was acknowledged; trouble of one
 * destination delays what goes there and nothing else; what was acknowledged is not sent again because a neighbour
 * failed, neither by this process nor by the next; a row is given up only for what is in it; what this process loses,
 * the poll of any process finds when the lease ends. At least once: a message whose acknowledgement was lost is
 * published again, always with the same id and bytes.
 *
 *     offered, claimed ──▶ HeldRow ──▶ a lane per destination ──▶ RowOutcomes: published, returned, dead
 */
import type { MessagePublisher, OutboxRow, OutboxStore } from '../../domain/ports.ts';
import { describeError } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { Alarm } from '../../timing/alarm.ts';
import { settledWithin } from '../../timing/deadline.ts';
import { Repeating } from '../../timing/repeating.ts';
import { DestinationLane, type LaneDeps, type LaneOptions } from './destination-lane.ts';
import { HeldRow, type RowOutcome } from './held-row.ts';
import type { OutboxPressure } from './outbox-pressure.ts';
import { RowOutcomes } from './row-outcomes.ts';

/** Statements of one claiming or purging in a row, before other tasks run. */
const STATEMENTS_PER_TASK_MAX = 20;
/** Rows whose outcome waits to be written; above it publishing waits for the database. */
const UNWRITTEN_OUTCOMES_MAX = 5000;

export interface OutboxRelayOptions extends LaneOptions {
  /** How long a row is this process's alone, from its commit or claim. */
  readonly leaseMs: number;
  /** The publisher's longest call. */
  readonly publishMsMax: number;
  readonly pollIntervalMs: number;
  /** How long a published row may wait for others to be written down with. */
  readonly gatherMs: number;
  readonly claimRowsMax: number;
  /** Messages waiting in memory. Rows offered above it are left to the poll. */
  readonly queuedMessagesMax: number;
  readonly purgeIntervalMs: number;
  readonly purgeRowsMax: number;
  readonly statsIntervalMs: number;
  readonly stopDeadlineMs: number;
}

export interface OutboxRelayDeps {
  readonly store: OutboxStore;
  readonly publisher: Pick<MessagePublisher, 'destinationOf' | 'publish'>;
  readonly pressure: OutboxPressure;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** The contract's name of a topic of this deployment. */
  readonly topicLabel: (topic: string) => string;
  readonly options: OutboxRelayOptions;
}

/**
 * Where settling code gives the rows that it has just committed, whose leases this process holds, to be published from
 * memory. Returns at once and promises nothing: a row that finds no room is found by the poll when its lease ends.
 */
export type OutboxSink = Pick<OutboxRelay, 'offer'>;

export class OutboxRelay implements Service {
  readonly name = 'outbox-relay';
  private readonly deps: OutboxRelayDeps;
  private readonly outcomes: RowOutcomes;
  private readonly loops: readonly Repeating[];
  private readonly lanes = new Map<string, DestinationLane>();
  private readonly alarm = new Alarm(() => this.advance());
  /** Ids from the moment they are held until their outcome is written: a claim after a lost lease finds them here. */
  private readonly inHand = new Map<string, { readonly attempts: number; again: OutboxRow | undefined }>();
  private isAdvanceScheduled = false;
  private onNothingInHand: (() => void) | undefined;
  private isClosed = false;
  private stopping: Promise<void> | undefined;

  constructor(deps: OutboxRelayDeps) {
    this.deps = deps;
    const { store, metrics, log, options } = deps;
    const { backoffMinMs, backoffMaxMs, gatherMs } = options;
    const onDone = (ids: readonly string[]) => this.written(ids);
    this.outcomes = new RowOutcomes({ store, metrics, log, backoffMinMs, backoffMaxMs, gatherMs, onDone });
    const repeat = (what: string, task: () => Promise<void>, intervalMs: number) =>
      new Repeating(task, intervalMs, (error) => log.warn({ err: error, what }, 'outbox task failed'));
    this.loops = [
      repeat('poll', () => this.poll(), options.pollIntervalMs),
      repeat('purge', () => this.purge(), options.purgeIntervalMs),
      repeat('stats', () => this.measure(), options.statsIntervalMs),
    ];
  }

  start(): Promise<void> {
    if (this.stopping === undefined) for (const loop of this.loops) loop.start();
    return Promise.resolve();
  }

  /** Publishes what is held and writes it down, within the deadline; the rest is left to its leases. */
  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  /** See OutboxSink. `committedAtMs` is `performance.now()` at the commit. */
  offer(rows: readonly OutboxRow[], committedAtMs = performance.now()): void {
    for (const row of rows) {
      if (this.stopping !== undefined || this.queuedMessages() >= this.deps.options.queuedMessagesMax) return;
      this.hold(row, committedAtMs);
    }
  }

  private hold(row: OutboxRow, committedAtMs?: number): void {
    const known = this.inHand.get(row.id);
    if (known !== undefined) {
      // It was put back and is claimed anew before the answer to that was heard here.
      if (row.attempts > known.attempts) known.again = row;
      return;
    }
    this.inHand.set(row.id, { attempts: row.attempts, again: undefined });
    const { options, publisher } = this.deps;
    const sendUntilMs = row.heldSinceMs + options.leaseMs - options.publishMsMax;
    const held = new HeldRow(row, { sendUntilMs, committedAtMs }, (one, outcome) => this.came(one, outcome));
    if (held.isComplete) this.came(held, { kind: 'published' });
    const nowMs = performance.now();
    for (const [index, message] of row.messages.entries()) {
      if (held.isAcknowledged(index)) continue;
      this.lane(publisher.destinationOf(message), message.topic).add(held, index, nowMs);
    }
    this.scheduleAdvance();
  }

  private lane(destination: string, topic: string): DestinationLane {
    const known = this.lanes.get(destination);
    if (known !== undefined) return known;
    const lane = new DestinationLane(destination, topic, this.laneDeps(destination, topic));
    this.lanes.set(destination, lane);
    return lane;
  }

  private laneDeps(destination: string, topic: string): LaneDeps {
    const { publisher, metrics, topicLabel, options } = this.deps;
    return {
      publish: (messages) => publisher.publish(destination, messages),
      onSent: (lane, acknowledgedCount) => {
        if (acknowledgedCount > 0) metrics.published.inc({ topic: topicLabel(topic) }, acknowledgedCount);
        if (this.stopping !== undefined) lane.giveBackSick(performance.now());
        this.advance();
      },
      onTrouble: (lane, error) => this.tellTrouble(lane, error),
      options,
    };
  }

  private queuedMessages(): number {
    let count = 0;
    for (const lane of this.lanes.values()) count += lane.waitingCount;
    return count;
  }

  /** Rows that are offered in the same turn of the event loop go out together. */
  private scheduleAdvance(): void {
    if (this.isAdvanceScheduled) return;
    this.isAdvanceScheduled = true;
    setImmediate(() => {
      this.isAdvanceScheduled = false;
      this.advance();
    });
  }

  private advance(): void {
    if (this.isClosed) return;
    const nowMs = performance.now();
    const maySend = this.outcomes.backlogCount <= UNWRITTEN_OUTCOMES_MAX;
    let wakeAtMs = Number.POSITIVE_INFINITY;
    for (const lane of this.lanes.values()) {
      lane.advance(nowMs, maySend);
      wakeAtMs = Math.min(wakeAtMs, lane.wakeAtMs());
    }
    if (wakeAtMs < Number.POSITIVE_INFINITY) this.alarm.setTo(Math.max(wakeAtMs, nowMs + 1), nowMs);
  }

  private came(held: HeldRow, outcome: RowOutcome): void {
    const { id, attempts } = held.row;
    const nowMs = performance.now();
    if (outcome.kind === 'published') {
      this.outcomes.add([id], []);
      this.observe(held, nowMs);
      return;
    }
    const dead = outcome.kind === 'refused';
    const error = describeError(outcome.error);
    this.deps.metrics.publishFailures.inc({ outcome: dead ? 'dead' : 'retried' });
    if (dead) this.deps.log.error({ outboxId: id, attempts: attempts + 1, error }, 'outbox row is dead');
    const delayMs = outcome.kind === 'returned' ? Math.ceil(Math.max(0, outcome.dueAtMs - nowMs)) : 0;
    this.outcomes.add([], [{ id, error, delayMs, dead, acknowledged: outcome.acknowledged }]);
  }

  private observe({ row, committedAtMs }: HeldRow, nowMs: number): void {
    const { metrics } = this.deps;
    if (committedAtMs !== undefined) metrics.publishDelay.observe(Math.max(0, nowMs - committedAtMs) / 1000);
    for (const receivedAtMs of row.completersReceivedAtMs ?? []) {
      metrics.completionLatency.observe(Math.max(0, nowMs - receivedAtMs) / 1000);
    }
  }

  private tellTrouble({ destination, trouble }: DestinationLane, error: Error | undefined): void {
    const { metrics, log, topicLabel } = this.deps;
    metrics.sickDestinations.reset();
    for (const lane of this.lanes.values()) {
      if (lane.trouble !== undefined) {
        metrics.sickDestinations.inc({ topic: topicLabel(lane.topic), reason: lane.trouble });
      }
    }
    if (error === undefined) log.info({ destination }, 'destination takes messages again');
    else log.warn({ destination, reason: trouble, err: error }, 'destination takes no messages');
  }

  private written(ids: readonly string[]): void {
    for (const id of ids) {
      const again = this.inHand.get(id)?.again;
      this.inHand.delete(id);
      if (again !== undefined && this.stopping === undefined) this.hold(again);
    }
    if (this.inHand.size === 0) this.onNothingInHand?.();
    this.scheduleAdvance();
  }

  private async poll(): Promise<void> {
    const { claimRowsMax, queuedMessagesMax } = this.deps.options;
    for (let count = 0; count < STATEMENTS_PER_TASK_MAX; count += 1) {
      // Claimed rows must be published before their lease ends, so none are claimed into queues that are half full.
      if (this.stopping !== undefined || this.queuedMessages() >= queuedMessagesMax / 2) return;
      const rows = await this.deps.store.claimDue(claimRowsMax);
      for (const row of rows) this.hold(row);
      if (rows.length < claimRowsMax) return;
    }
  }

  private async purge(): Promise<void> {
    const { purgeRowsMax } = this.deps.options;
    for (let count = 0; count < STATEMENTS_PER_TASK_MAX && this.stopping === undefined; count += 1) {
      if ((await this.deps.store.purge(purgeRowsMax)) < purgeRowsMax) return;
    }
  }

  private async measure(): Promise<void> {
    const { store, metrics, pressure } = this.deps;
    // Every row has a message, so so many rows are enough to know that the mark is reached.
    const stats = await store.stats(pressure.highWaterMessages);
    metrics.outboxUnpublished.set(stats.unpublishedCount);
    metrics.outboxUnpublishedMessages.set(stats.unpublishedMessages);
    metrics.outboxOldestAge.set(stats.oldestAgeMs / 1000);
    metrics.outboxDead.set(stats.deadCount);
    pressure.measured(stats.unpublishedMessages);
  }

  private async drain(): Promise<void> {
    const { stopDeadlineMs } = this.deps.options;
    const work = async () => {
      await Promise.all(this.loops.map((loop) => loop.stop()));
      for (const lane of this.lanes.values()) lane.giveBackSick(performance.now());
      this.outcomes.hurry();
      await this.nothingInHand();
      await this.outcomes.idle();
    };
    const isDone = await settledWithin(work(), stopDeadlineMs);
    this.isClosed = true;
    this.alarm.clear();
    if (!isDone) this.deps.log.warn({ rowCount: this.inHand.size }, 'outbox rows left to their leases at the stop');
  }

  private async nothingInHand(): Promise<void> {
    if (this.inHand.size === 0) return;
    await new Promise<void>((resolve) => {
      this.onNothingInHand = resolve;
    });
  }
}
