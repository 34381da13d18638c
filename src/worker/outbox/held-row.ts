/**
 * A row whose lease this process holds, on its way. Its messages go different ways; it comes to something when each was
 * acknowledged, refused for what is in it, or given back.
 */
import type { OutboxRow } from '../../domain/ports.ts';

export type RowOutcome =
  | { readonly kind: 'published' }
  /** What was acknowledged and why the rest was not. */
  | { readonly kind: 'refused'; readonly acknowledged: readonly number[]; readonly error: Error }
  /** The first of the destinations it could not reach may be tried again at `dueAtMs`. */
  | {
      readonly kind: 'returned';
      readonly acknowledged: readonly number[];
      readonly error: Error;
      readonly dueAtMs: number;
    };

export class HeldRow {
  readonly row: OutboxRow;
  /** Unknown of rows that were claimed from the database. */
  readonly committedAtMs: number | undefined;
  /** No request with a message of it begins later: it would not end within the lease. */
  readonly sendUntilMs: number;
  private readonly onOutcome: (held: HeldRow, outcome: RowOutcome) => void;
  private readonly acknowledged: number[];
  private underWayCount: number;
  private refusal: Error | undefined;
  private hindrance: Error | undefined;
  private dueAtMs = Number.POSITIVE_INFINITY;

  constructor(
    row: OutboxRow,
    times: { readonly sendUntilMs: number; readonly committedAtMs: number | undefined },
    onOutcome: (held: HeldRow, outcome: RowOutcome) => void,
  ) {
    this.row = row;
    this.committedAtMs = times.committedAtMs;
    this.sendUntilMs = times.sendUntilMs;
    this.onOutcome = onOutcome;
    this.acknowledged = [...row.acknowledged];
    this.underWayCount = row.messages.length - row.acknowledged.length;
  }

  /** Nothing is left to be sent. */
  get isComplete(): boolean {
    return this.underWayCount <= 0;
  }

  isAcknowledged(index: number): boolean {
    return this.row.acknowledged.includes(index);
  }

  acknowledge(index: number): void {
    this.acknowledged.push(index);
    this.ended();
  }

  refuse(error: Error): void {
    this.refusal ??= error;
    this.ended();
  }

  /** To be tried again at `dueAtMs`, by whoever finds the row then. */
  giveBack(error: Error, dueAtMs: number): void {
    this.hindrance ??= error;
    this.dueAtMs = Math.min(this.dueAtMs, dueAtMs);
    this.ended();
  }

  private ended(): void {
    this.underWayCount -= 1;
    if (this.underWayCount > 0) return;
    this.onOutcome(this, this.outcome());
  }

  private outcome(): RowOutcome {
    const acknowledged = this.acknowledged.sort((one, other) => one - other);
    if (this.hindrance !== undefined)
      return { kind: 'returned', acknowledged, error: this.hindrance, dueAtMs: this.dueAtMs };
    return this.refusal === undefined ? { kind: 'published' } : { kind: 'refused', acknowledged, error: this.refusal };
  }
}
