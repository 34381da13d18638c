/**
 * Publishes outbox rows. Guarantees: a row is marked only when every message of it was acknowledged; a row that fails
 * is put back or declared dead and holds up no other; what this process loses, the poll of any process finds when the
 * lease ends. At least once: a row may be published again, always with the same ids and bytes.
 */
import type { MessagePublisher, OutboundMessage, OutboxRow, OutboxStore } from '../../domain/ports.ts';
import { AppError, describeError, isRetryable } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { backoffMs } from '../../timing/backoff.ts';
import { settledWithin } from '../../timing/deadline.ts';
import { Repeating } from '../../timing/repeating.ts';
import { type FailedRow, RowOutcomes } from './row-outcomes.ts';

/** Statements of one claiming or purging in a row, before other tasks run. */
const STATEMENTS_PER_TASK_MAX = 20;
/** Rows whose outcome waits to be written; above it publishing waits for the database. */
const UNWRITTEN_OUTCOMES_MAX = 5000;

export interface OutboxRelayOptions {
  /** How long a row is this process's alone, from its commit or claim. */
  readonly leaseMs: number;
  readonly pollIntervalMs: number;
  readonly claimRowsMax: number;
  /** Messages waiting in memory. Rows offered above it are left to the poll. */
  readonly queuedMessagesMax: number;
  /** Messages in one call of the publisher; a single row may have more. */
  readonly publishMessagesMax: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly attemptsMax: number;
  readonly purgeIntervalMs: number;
  readonly purgeRowsMax: number;
  readonly statsIntervalMs: number;
  readonly stopDeadlineMs: number;
}

export interface OutboxRelayDeps {
  readonly store: OutboxStore;
  readonly publisher: MessagePublisher;
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

/** `committedAtMs` is unknown of rows that were claimed from the database. The lease runs since `heldSinceMs`. */
interface QueuedRow {
  readonly row: OutboxRow;
  readonly committedAtMs: number | undefined;
  readonly heldSinceMs: number;
}

export class OutboxRelay implements Service {
  readonly name = 'outbox-relay';
  private readonly deps: OutboxRelayDeps;
  private readonly outcomes: RowOutcomes;
  private readonly loops: readonly Repeating[];
  private queue: QueuedRow[] = [];
  private queueHead = 0;
  private queuedMessages = 0;
  /** Ids from the moment they are queued until their outcome is written: a claim after a lost lease finds them here. */
  private readonly inHand = new Set<string>();
  private publishing: Promise<void> | undefined;
  private acknowledgedAtMs = Number.NEGATIVE_INFINITY;
  private isClosed = false;
  private stopping: Promise<void> | undefined;

  constructor(deps: OutboxRelayDeps) {
    this.deps = deps;
    const { store, metrics, log, options } = deps;
    this.outcomes = new RowOutcomes({
      store,
      metrics,
      log,
      backoffMinMs: options.backoffMinMs,
      backoffMaxMs: options.backoffMaxMs,
      onDone: (ids) => {
        for (const id of ids) this.inHand.delete(id);
      },
    });
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

  /** Publishes what is queued and writes it down, within the deadline; the rest is left to its leases. */
  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  /** See OutboxSink. `committedAtMs` is `performance.now()` at the commit. */
  offer(rows: readonly OutboxRow[], committedAtMs = performance.now()): void {
    for (const row of rows) {
      if (this.stopping !== undefined || this.queuedMessages >= this.deps.options.queuedMessagesMax) return;
      this.enqueue(row, committedAtMs, committedAtMs);
    }
  }

  private enqueue(row: OutboxRow, heldSinceMs: number, committedAtMs?: number): void {
    if (this.inHand.has(row.id)) return;
    this.inHand.add(row.id);
    this.queue.push({ row, committedAtMs, heldSinceMs });
    this.queuedMessages += row.messages.length;
    this.publishing ??= this.publishQueued();
  }

  private async publishQueued(): Promise<void> {
    // Rows that are offered in the same turn of the event loop go out together.
    await new Promise((resolve) => setImmediate(resolve));
    while (!this.isClosed) {
      const taken = this.dequeue();
      if (taken.length === 0) break;
      const rows = this.stillHeld(taken);
      if (rows.length === 0) continue;
      try {
        await this.publish(rows);
      } catch (error) {
        for (const { row } of rows) this.inHand.delete(row.id);
        this.deps.log.error({ err: error, rowCount: rows.length }, 'outbox rows left to their leases');
      }
      if (this.outcomes.backlogCount > UNWRITTEN_OUTCOMES_MAX) await this.outcomes.idle();
    }
    // Nothing was awaited since the queue was found empty, so a row that is queued from here on starts publishing anew.
    this.publishing = undefined;
  }

  private dequeue(): QueuedRow[] {
    const { publishMessagesMax } = this.deps.options;
    const from = this.queueHead;
    let messageCount = 0;
    while (this.queueHead < this.queue.length) {
      const rowMessages = this.queue[this.queueHead]?.row.messages.length ?? 0;
      if (messageCount > 0 && messageCount + rowMessages > publishMessagesMax) break;
      messageCount += rowMessages;
      this.queueHead += 1;
    }
    const rows = this.queue.slice(from, this.queueHead);
    if (this.queueHead === this.queue.length || this.queueHead > 1024) {
      this.queue = this.queue.slice(this.queueHead);
      this.queueHead = 0;
    }
    this.queuedMessages -= messageCount;
    return rows;
  }

  /**
   * Drops rows that waited for half of their lease: by the time they were acknowledged somebody else might be
   * publishing them too. Whoever polls next takes them.
   */
  private stillHeld(rows: readonly QueuedRow[]): QueuedRow[] {
    const heldSinceMsMin = performance.now() - this.deps.options.leaseMs / 2;
    const held = rows.filter(({ heldSinceMs }) => heldSinceMs >= heldSinceMsMin);
    if (held.length < rows.length) {
      for (const { row, heldSinceMs } of rows) if (heldSinceMs < heldSinceMsMin) this.inHand.delete(row.id);
      this.deps.log.warn(
        { rowCount: rows.length - held.length },
        'outbox rows waited too long and are left to the poll',
      );
    }
    return held;
  }

  private async publish(rows: readonly QueuedRow[]): Promise<void> {
    const messages: OutboundMessage[] = [];
    for (const { row } of rows) for (const message of row.messages) messages.push(message);
    const errors = await this.send(messages);
    const nowMs = performance.now();
    this.countPublished(messages, errors, nowMs);
    const published: string[] = [];
    const failed: FailedRow[] = [];
    let start = 0;
    for (const { row, committedAtMs } of rows) {
      const end = start + row.messages.length;
      const failure = failureOf(errors, start, end);
      start = end;
      if (failure !== undefined) {
        failed.push(this.outcomeOf(row, failure, nowMs));
        continue;
      }
      published.push(row.id);
      if (committedAtMs !== undefined) {
        this.deps.metrics.publishDelay.observe(Math.max(0, nowMs - committedAtMs) / 1000);
      }
      for (const receivedAtMs of row.completersReceivedAtMs ?? []) {
        this.deps.metrics.completionLatency.observe(Math.max(0, nowMs - receivedAtMs) / 1000);
      }
    }
    this.outcomes.add(published, failed);
  }

  /** A publisher that rejects as a whole says nothing about any one message, so all may be tried again. */
  private async send(messages: readonly OutboundMessage[]): Promise<(Error | null)[]> {
    try {
      const errors = await this.deps.publisher.publish(messages);
      if (errors.length === messages.length) return errors;
      throw new Error('The publisher answered a different number of messages.');
    } catch (error) {
      this.deps.log.error({ err: error, messageCount: messages.length }, 'publisher failed');
      const unavailable = new AppError('UNAVAILABLE', 'The publisher failed', { cause: error });
      return messages.map(() => unavailable);
    }
  }

  private countPublished(messages: readonly OutboundMessage[], errors: readonly (Error | null)[], nowMs: number): void {
    const counts = new Map<string, number>();
    for (const [index, message] of messages.entries()) {
      if (errors[index] === null) counts.set(message.topic, (counts.get(message.topic) ?? 0) + 1);
    }
    if (counts.size > 0) this.acknowledgedAtMs = nowMs;
    for (const [topic, count] of counts) this.deps.metrics.published.inc({ topic: this.deps.topicLabel(topic) }, count);
  }

  /**
   * Dead at once when trying again cannot help. Dead after the bound only while Kafka takes other messages: an outage
   * is not the fault of a row, and must not turn a whole outbox into dead rows however long it lasts.
   */
  private outcomeOf(row: OutboxRow, failure: Error, nowMs: number): FailedRow {
    const { attemptsMax, backoffMinMs, backoffMaxMs } = this.deps.options;
    const attempts = row.attempts + 1;
    const othersPass = nowMs - this.acknowledgedAtMs <= backoffMaxMs;
    const dead = !isRetryable(failure) || (attempts >= attemptsMax && othersPass);
    const error = describeError(failure);
    this.deps.metrics.publishFailures.inc({ outcome: dead ? 'dead' : 'retried' });
    if (dead) this.deps.log.error({ outboxId: row.id, attempts, error }, 'outbox row is dead');
    else this.deps.log.warn({ outboxId: row.id, attempts, error }, 'outbox row to be published again');
    return { id: row.id, error, delayMs: Math.ceil(backoffMs(attempts, backoffMinMs, backoffMaxMs)), dead };
  }

  private async poll(): Promise<void> {
    const { claimRowsMax, queuedMessagesMax } = this.deps.options;
    for (let count = 0; count < STATEMENTS_PER_TASK_MAX; count += 1) {
      // Claimed rows must be published before their lease ends, so none are claimed into a queue that is half full.
      if (this.stopping !== undefined || this.queuedMessages >= queuedMessagesMax / 2) return;
      const claimedAtMs = performance.now();
      const rows = await this.deps.store.claimDue(claimRowsMax);
      for (const row of rows) this.enqueue(row, claimedAtMs);
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
    const { store, metrics } = this.deps;
    const { unpublishedCount, oldestAgeMs, deadCount } = await store.stats();
    metrics.outboxUnpublished.set(unpublishedCount);
    metrics.outboxOldestAge.set(oldestAgeMs / 1000);
    metrics.outboxDead.set(deadCount);
  }

  private async drain(): Promise<void> {
    const { stopDeadlineMs } = this.deps.options;
    const work = async () => {
      await Promise.all(this.loops.map((loop) => loop.stop()));
      await this.publishing;
      await this.outcomes.idle();
    };
    const isDone = await settledWithin(work(), stopDeadlineMs);
    this.isClosed = true;
    if (!isDone) this.deps.log.warn({ rowCount: this.inHand.size }, 'outbox rows left to their leases at the stop');
  }
}

/** The error that decides the row's outcome: a retryable one if there is any, for that message may still go out. */
function failureOf(errors: readonly (Error | null)[], start: number, end: number): Error | undefined {
  let failure: Error | undefined;
  for (let index = start; index < end; index += 1) {
    const error = errors[index];
    if (error && (failure === undefined || isRetryable(error))) failure = error;
  }
  return failure;
}
