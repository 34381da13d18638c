/** OutboxStore on PostgreSQL. The database's clock decides leases; a row is never lost, at worst published again. */
import type { OutboundMessage, OutboxRow, OutboxStore } from '../domain/ports.ts';
import type { Database } from './database.ts';
import { CLAIM_DUE_OUTBOX } from './sql/claim-due-outbox.ts';
import { MARK_PUBLISHED } from './sql/mark-published.ts';
import { OUTBOX_STATS } from './sql/outbox-stats.ts';
import { PURGE_OUTBOX } from './sql/purge-outbox.ts';
import { RESCHEDULE_OUTBOX } from './sql/reschedule-outbox.ts';
import { REVIVE_OUTBOX } from './sql/revive-outbox.ts';

export class PostgresOutboxStore implements OutboxStore {
  private readonly database: Database;
  private readonly options: { readonly instance: string; readonly leaseMs: number; readonly retentionMs: number };

  constructor(database: Database, options: { instance: string; leaseMs: number; retentionMs: number }) {
    this.database = database;
    this.options = options;
  }

  async claimDue(rowsMax: number): Promise<OutboxRow[]> {
    const rows = await this.database.run<{ id: string; messages: string; attempts: number }>(
      { name: 'claim-due-outbox', text: CLAIM_DUE_OUTBOX },
      [rowsMax, this.options.leaseMs, this.options.instance],
    );
    return rows.map((row) => ({
      id: row.id,
      // Written by appendOutbox of this service and read by nobody else.
      messages: JSON.parse(row.messages) as OutboundMessage[],
      attempts: row.attempts,
    }));
  }

  async markPublished(ids: readonly string[]): Promise<void> {
    await this.database.run({ name: 'mark-published', text: MARK_PUBLISHED }, [ids]);
  }

  async reschedule(rows: readonly { id: string; error: string; delayMs: number; dead: boolean }[]): Promise<void> {
    await this.database.run({ name: 'reschedule-outbox', text: RESCHEDULE_OUTBOX }, [
      rows.map((row) => row.id),
      rows.map((row) => row.error),
      rows.map((row) => Math.round(row.delayMs)),
      rows.map((row) => row.dead),
    ]);
  }

  async purge(rowsMax: number): Promise<number> {
    const rows = await this.database.run({ name: 'purge-outbox', text: PURGE_OUTBOX }, [
      this.options.retentionMs,
      rowsMax,
    ]);
    return rows.length;
  }

  async stats(): Promise<{ unpublishedCount: number; oldestAgeMs: number; deadCount: number }> {
    const [row] = await this.database.run<{ unpublished_count: number; oldest_age_ms: number; dead_count: number }>(
      { name: 'outbox-stats', text: OUTBOX_STATS },
      [],
    );
    return {
      unpublishedCount: row?.unpublished_count ?? 0,
      oldestAgeMs: row?.oldest_age_ms ?? 0,
      deadCount: row?.dead_count ?? 0,
    };
  }

  /** Operator's call: dead rows (all, or these) are due again at once with a fresh count. Returns how many. */
  async retryDead(ids?: readonly string[]): Promise<number> {
    const rows = await this.database.run({ name: 'revive-outbox', text: REVIVE_OUTBOX }, [ids ?? null]);
    return rows.length;
  }
}
