/**
 * Writes the outcomes of rows (published, to be tried again, dead) into the table, beside the publishing: the next
 * messages do not wait for the database. Publications are gathered for a moment, because a statement costs far more than
 * its rows, and nobody waits for them: a process that dies meanwhile leaves them to be published once more. What fails is the writing, and only that is tried again, never the
 * publication. Past a bounded number of tries the row is left to its lease: it will be published once more, with the
 * same id and bytes.
 */
import type { OutboxStore, ReturnedRow } from '../../domain/ports.ts';
import { isRetryable } from '../../errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { Alarm } from '../../timing/alarm.ts';
import { retrying } from '../../timing/retrying.ts';

/** Rows written by one statement. */
const ROWS_PER_CALL_MAX = 1000;
const TRIES_MAX = 10;

export interface RowOutcomesDeps {
  readonly store: OutboxStore;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** How long the first of them waits for others. */
  readonly gatherMs: number;
  /** The store knows the outcome of these rows, or they were given up to their leases. */
  readonly onDone: (ids: readonly string[]) => void;
}

export class RowOutcomes {
  private readonly deps: RowOutcomesDeps;
  private published: string[] = [];
  private failed: ReturnedRow[] = [];
  private running: Promise<void> | undefined;
  private readonly alarm = new Alarm(() => this.begin());
  private isHurried = false;

  constructor(deps: RowOutcomesDeps) {
    this.deps = deps;
  }

  /** Rows whose outcome is not yet written. */
  get backlogCount(): number {
    return this.published.length + this.failed.length;
  }

  add(published: readonly string[], failed: readonly ReturnedRow[]): void {
    for (const id of published) this.published.push(id);
    for (const row of failed) this.failed.push(row);
    if (this.isHurried || failed.length > 0 || this.published.length >= ROWS_PER_CALL_MAX) this.begin();
    else if (this.running === undefined) {
      const nowMs = performance.now();
      this.alarm.setTo(nowMs + this.deps.gatherMs, nowMs);
    }
  }

  /** From here on nothing is gathered. */
  hurry(): void {
    this.isHurried = true;
    this.begin();
  }

  /** Resolves when nothing is left to write. */
  async idle(): Promise<void> {
    await this.running;
  }

  private begin(): void {
    this.alarm.clear();
    if (this.backlogCount > 0) this.running ??= this.write();
  }

  private async write(): Promise<void> {
    const { store } = this.deps;
    while (this.backlogCount > 0) {
      const ids = this.published.slice(0, ROWS_PER_CALL_MAX);
      const rows = this.failed.slice(0, ROWS_PER_CALL_MAX);
      if (ids.length > 0) await this.tried('mark', ids, () => store.markPublished(ids));
      if (rows.length > 0) {
        await this.tried(
          'reschedule',
          rows.map((row) => row.id),
          () => store.reschedule(rows),
        );
      }
      // Removed after they are written, so that `backlogCount` includes what a slow database is still writing.
      this.published = this.published.slice(ids.length);
      this.failed = this.failed.slice(rows.length);
    }
    // Nothing was awaited since the backlog was found empty, so what is added from here on starts writing anew.
    this.running = undefined;
  }

  private async tried(what: string, ids: readonly string[], call: () => Promise<void>): Promise<void> {
    const { metrics, log, backoffMinMs: delayMinMs, backoffMaxMs: delayMaxMs, onDone } = this.deps;
    const mayRetry = (error: unknown, failureCount: number) => {
      if (failureCount >= TRIES_MAX || !isRetryable(error)) return false;
      metrics.retries.inc({ reason: 'outbox_mark' });
      return true;
    };
    try {
      await retrying(call, { delayMinMs, delayMaxMs, mayRetry });
    } catch (error) {
      log.error({ err: error, what, rowCount: ids.length }, 'outbox rows left to their leases');
    }
    onDone(ids);
  }
}
