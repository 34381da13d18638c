/**
 * What is known of one batch. Guarantees: it holds every version once, in order; a message that does not go on exactly
 * where the one before ended changes nothing and is reported, so that a snapshot is asked for instead.
 */
import type { BatchStatusBody } from '../../../contract/http.ts';
import type { LiveMessage } from '../../../contract/live.ts';

export type LiveSlot = Extract<LiveMessage, { type: 'changes' }>['slots'][number];
export type SlotStatus = 'open' | LiveSlot['status'];
type Counts = Pick<BatchStatusBody, 'state' | 'expected_count' | 'open' | 'filled' | 'failed'>;

const RATE_WINDOW_MS = 10_000;

export class BatchModel {
  /** Null: nothing known. */
  version: number | null = null;
  counts: Counts | null = null;
  status: BatchStatusBody | null = null;
  completedAtMs: number | null = null;
  /** By position. */
  readonly slots = new Map<number, LiveSlot>();
  /** When each change came to be, in order, by the clock of the workers. */
  readonly arrivals: number[] = [];
  clockAheadMs = 0;
  snapshotCount = 0;
  private settled: LiveSlot[] = [];

  /** False where something is missing before it. */
  take(message: LiveMessage): boolean {
    if (message.type === 'complete') {
      this.completedAtMs = Date.parse(message.completed_at);
      return true;
    }
    if (message.type === 'changes' && message.from !== this.version) return false;
    if (message.type === 'snapshot') {
      this.snapshotCount += 1;
      this.slots.clear();
      this.arrivals.length = 0;
    }
    for (const slot of message.slots) this.settle(slot);
    const { state, expected_count, open, filled, failed } = message;
    this.counts = { state, expected_count: state === 'announced' ? null : expected_count, open, filled, failed };
    this.version = message.type === 'snapshot' ? message.version : message.to;
    return true;
  }

  takeStatus(status: BatchStatusBody, clockAheadMs: number): void {
    this.status = status;
    this.clockAheadMs = clockAheadMs;
    if (status.completed_at !== null) this.completedAtMs = Date.parse(status.completed_at);
    // Slots that the live messages have not told yet are not counted before these are shown.
    if (this.version === null) this.counts = status;
  }

  /** Slots that were settled since this was asked the last time. */
  takeSettled(): readonly LiveSlot[] {
    const { settled } = this;
    this.settled = [];
    return settled;
  }

  statusAt(position: number): SlotStatus {
    return this.slots.get(position)?.status ?? 'open';
  }

  /** Of the last seconds. */
  ratePerSecond(nowMs: number): number {
    const sinceMs = nowMs + this.clockAheadMs - RATE_WINDOW_MS;
    let count = 0;
    for (let index = this.arrivals.length - 1; index >= 0 && (this.arrivals[index] ?? 0) > sinceMs; index -= 1)
      count += 1;
    const firstMs = this.arrivals[0] ?? 0;
    // A batch that has just begun is not slower for the time before it began.
    const overMs = Math.min(RATE_WINDOW_MS, Math.max(1000, nowMs + this.clockAheadMs - firstMs));
    return (count * 1000) / overMs;
  }

  private settle(slot: LiveSlot): void {
    this.slots.set(slot.position, slot);
    this.settled.push(slot);
    // Clocks of several workers differ a little; the curve only goes forward.
    this.arrivals.push(Math.max(this.arrivals.at(-1) ?? 0, Date.parse(slot.assigned_at)));
  }
}
