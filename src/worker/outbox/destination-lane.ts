/**
 * The messages on their way to one destination: in order, one request at a time, with a backoff of their own. Whatever
 * happens there, a message leaves the lane before its row's lease is in danger: acknowledged, refused or given back.
 *
 *     waiting ──▶ in a request ──▶ acknowledged, or refused for what is in it
 *       ▲ │              │
 *       │ └── late, full ┴── failed ──▶ given back, when the backoff outlasts what is left of the lease
 *       └───────── after the backoff ◀───┘
 */
import type { OutboundMessage } from '../../domain/ports.ts';
import { AppError, isRetryable, PublishError } from '../../errors.ts';
import { backoffMs } from '../../timing/backoff.ts';
import type { HeldRow } from './held-row.ts';

/** A request that has been under way for so long is in trouble. */
const SLOW_MS = 1000;
const HEAD_MAX = 1024;
/** Rows that come back are due so far apart that, however many wait for one destination, looking at them costs little. */
const RETURNED_ROW_MS = 5;

export interface LaneOptions {
  /** Messages in one request. */
  readonly publishMessagesMax: number;
  readonly laneMessagesMax: number;
  /** The same while the destination is in trouble: what waits here takes memory from the others. */
  readonly sickLaneMessagesMax: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export interface LaneDeps {
  readonly publish: (messages: readonly OutboundMessage[]) => Promise<(Error | null)[]>;
  /** Called after every request. */
  readonly onSent: (lane: DestinationLane, acknowledgedCount: number) => void;
  /** The destination takes no messages, or takes them again (undefined); told when it changes. */
  readonly onTrouble: (lane: DestinationLane, error: Error | undefined) => void;
  readonly options: LaneOptions;
}

interface Waiting {
  readonly held: HeldRow;
  readonly index: number;
}

export class DestinationLane {
  readonly destination: string;
  readonly topic: string;
  private readonly deps: LaneDeps;
  private waiting: Waiting[] = [];
  private head = 0;
  private sendingSinceMs: number | undefined;
  private failureCount = 0;
  private failure: Error | undefined;
  private backoffEndMs = Number.NEGATIVE_INFINITY;
  private returned: HeldRow | undefined;
  private returnedDueAtMs = Number.NEGATIVE_INFINITY;

  constructor(destination: string, topic: string, deps: LaneDeps) {
    this.destination = destination;
    this.topic = topic;
    this.deps = deps;
  }

  get waitingCount(): number {
    return this.waiting.length - this.head;
  }

  /** Why the destination takes no messages, undefined while it does. */
  get trouble(): string | undefined {
    return this.failure === undefined
      ? undefined
      : this.failure instanceof PublishError
        ? this.failure.reason
        : 'other';
  }

  add(held: HeldRow, index: number, nowMs: number): void {
    const { laneMessagesMax, sickLaneMessagesMax } = this.deps.options;
    const isSick = this.failure !== undefined || nowMs - (this.sendingSinceMs ?? nowMs) > SLOW_MS;
    if (this.backoffEndMs >= held.sendUntilMs) this.giveBack(held, nowMs);
    else if (this.waitingCount >= (isSick ? sickLaneMessagesMax : laneMessagesMax)) this.giveBack(held, nowMs);
    else this.waiting.push({ held, index });
  }

  /** Gives back what is late and begins a request if that may be. */
  advance(nowMs: number, maySend: boolean): void {
    this.giveBackLate(nowMs);
    if (!maySend || this.sendingSinceMs !== undefined || nowMs < this.backoffEndMs) return;
    const batch: Waiting[] = [];
    while (batch.length < this.deps.options.publishMessagesMax) {
      const next = this.shift();
      if (next === undefined) break;
      if (next.held.sendUntilMs < nowMs) this.giveBack(next.held, nowMs);
      else batch.push(next);
    }
    if (batch.length > 0) void this.send(batch, nowMs);
  }

  /** When it has to be advanced again, whatever else happens. */
  wakeAtMs(): number {
    const { first } = this;
    if (first === undefined) return Number.POSITIVE_INFINITY;
    const isIdle = this.sendingSinceMs === undefined;
    return Math.min(first.held.sendUntilMs, isIdle ? this.backoffEndMs : Number.POSITIVE_INFINITY);
  }

  /** At a stop: all that waits for a backoff. */
  giveBackSick(nowMs: number): void {
    if (this.failure === undefined || this.sendingSinceMs !== undefined) return;
    for (let next = this.shift(); next !== undefined; next = this.shift()) next.held.giveBack(this.failure, nowMs);
  }

  private giveBackLate(nowMs: number): void {
    while (this.first !== undefined && this.first.held.sendUntilMs < nowMs) {
      const { held } = this.first;
      this.shift();
      this.giveBack(held, nowMs);
    }
  }

  private giveBack(held: HeldRow, nowMs: number): void {
    if (held !== this.returned) {
      this.returnedDueAtMs = Math.max(this.returnedDueAtMs + RETURNED_ROW_MS, this.backoffEndMs, nowMs);
      this.returned = held;
    }
    held.giveBack(this.failure ?? new AppError('UNAVAILABLE', 'waited too long for its turn'), this.returnedDueAtMs);
  }

  private get first(): Waiting | undefined {
    return this.waiting[this.head];
  }

  private shift(): Waiting | undefined {
    const next = this.first;
    if (next === undefined) return undefined;
    this.head += 1;
    if (this.head === this.waiting.length || this.head >= HEAD_MAX) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
    return next;
  }

  private async send(batch: readonly Waiting[], nowMs: number): Promise<void> {
    this.sendingSinceMs = nowMs;
    const errors = await this.ask(batch.map(({ held, index }) => held.row.messages[index] as OutboundMessage));
    this.sendingSinceMs = undefined;
    const failed: Waiting[] = [];
    let failure: Error | undefined;
    let acknowledgedCount = 0;
    for (const [position, each] of batch.entries()) {
      const error = errors[position];
      if (error === null) {
        acknowledgedCount += 1;
        each.held.acknowledge(each.index);
      } else if (error !== undefined && !isRetryable(error)) each.held.refuse(error);
      else {
        failure ??= error ?? new AppError('UNAVAILABLE', 'The publisher gave no answer');
        failed.push(each);
      }
    }
    this.conclude(failed, failure);
    this.deps.onSent(this, acknowledgedCount);
  }

  /** A publisher that rejects, or answers something else than it was asked, says nothing about any one message. */
  private async ask(messages: readonly OutboundMessage[]): Promise<readonly (Error | null)[]> {
    try {
      const errors = await this.deps.publish(messages);
      if (errors.length !== messages.length) throw new Error('The publisher answered a different number of messages.');
      return errors;
    } catch (error) {
      const unavailable = new AppError('UNAVAILABLE', 'The publisher failed', { cause: error });
      return messages.map(() => unavailable);
    }
  }

  private conclude(failed: readonly Waiting[], failure: Error | undefined): void {
    const former = this.trouble;
    this.failure = failure;
    if (failure === undefined) {
      this.failureCount = 0;
      this.backoffEndMs = Number.NEGATIVE_INFINITY;
      this.returnedDueAtMs = Number.NEGATIVE_INFINITY;
    } else {
      const nowMs = performance.now();
      const { backoffMinMs, backoffMaxMs } = this.deps.options;
      this.failureCount += 1;
      this.backoffEndMs = nowMs + backoffMs(this.failureCount, backoffMinMs, backoffMaxMs);
      const isKept = ({ held }: Waiting) => held.sendUntilMs > this.backoffEndMs;
      for (const each of failed) if (!isKept(each)) this.giveBack(each.held, nowMs);
      this.waiting = [...failed.filter(isKept), ...this.waiting.slice(this.head)];
      this.head = 0;
    }
    if (this.trouble !== former) this.deps.onTrouble(this, failure);
  }
}
