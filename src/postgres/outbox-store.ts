/** OutboxStore on PostgreSQL. The database's clock decides leases; a row is never lost, at worst published again. */
import { expandEvents } from '../contract/compact-events.ts';
import type { OutboxRow, OutboxStats, OutboxStore, ReturnedRow } from '../domain/ports.ts';
import type { Database } from './database.ts';
import { CLAIM_DUE_OUTBOX } from './sql/claim-due-outbox.ts';
import { LIST_OUTBOX } from './sql/list-outbox.ts';
import { MARK_PUBLISHED } from './sql/mark-published.ts';
import { OUTBOX_FLOOR } from './sql/outbox-floor.ts';
import { OUTBOX_STATS } from './sql/outbox-stats.ts';
import { PURGE_OUTBOX } from './sql/purge-outbox.ts';
import { REMOVE_PUBLISHED } from './sql/remove-published.ts';
import { RESCHEDULE_OUTBOX } from './sql/reschedule-outbox.ts';
import { REVIVE_OUTBOX } from './sql/revive-outbox.ts';

const LOOKED_AT_ROWS_MAX = 10_000;
const NO_FLOOR = '-infinity';
/** Now and then everything is looked through, in case that somebody has set a row's instant by hand. */
const FLOOR_MS_MAX = 600_000;

export class PostgresOutboxStore implements OutboxStore {
  private readonly database: Database;
  private readonly options: { readonly instance: string; readonly leaseMs: number; readonly retentionMs: number };
  private dueFloor = NO_FLOOR;
  private publishedFloor = NO_FLOOR;
  /** Waits until all transactions that had begun by then are over, see OUTBOX_FLOOR. */
  private look: { readonly askedAt: string; readonly nextXid: bigint } | undefined;
  private lookedAllThroughAtMs = Number.NEGATIVE_INFINITY;

  constructor(database: Database, options: { instance: string; leaseMs: number; retentionMs: number }) {
    this.database = database;
    this.options = options;
  }

  async claimDue(rowsMax: number): Promise<OutboxRow[]> {
    const heldSinceMs = performance.now();
    const rows = await this.database.run<{ id: string; messages: string; attempts: number; acknowledged: number[] }>(
      { name: 'claim-due-outbox', text: CLAIM_DUE_OUTBOX },
      [rowsMax, this.options.leaseMs, this.options.instance, this.dueFloor],
    );
    const claimed: OutboxRow[] = [];
    const unreadable: ReturnedRow[] = [];
    for (const { id, messages, attempts, acknowledged } of rows) {
      try {
        claimed.push({ id, messages: expandEvents(messages), attempts, acknowledged, heldSinceMs });
      } catch (error) {
        // Of a later build, which will come for it: no reason to leave its neighbours.
        unreadable.push({ id, error: String(error), delayMs: this.options.leaseMs, dead: false, acknowledged });
      }
    }
    if (unreadable.length > 0) await this.reschedule(unreadable);
    return claimed;
  }

  async markPublished(ids: readonly string[]): Promise<void> {
    const isKept = this.options.retentionMs > 0;
    const statement = isKept
      ? { name: 'mark-published', text: MARK_PUBLISHED }
      : { name: 'remove-published', text: REMOVE_PUBLISHED };
    await this.database.run(statement, namesOf(ids));
  }

  async reschedule(rows: readonly ReturnedRow[]): Promise<void> {
    const [ids, instants] = namesOf(rows.map((row) => row.id));
    await this.database.run({ name: 'reschedule-outbox', text: RESCHEDULE_OUTBOX }, [
      ids,
      rows.map((row) => row.error),
      rows.map((row) => Math.round(row.delayMs)),
      rows.map((row) => row.dead),
      rows.map((row) => `{${row.acknowledged.join(',')}}`),
      this.options.instance,
      instants,
    ]);
  }

  async purge(rowsMax: number): Promise<number> {
    const [row] = await this.database.run<{ purged_count: number; floor: string | null }>(
      { name: 'purge-outbox', text: PURGE_OUTBOX },
      [this.options.retentionMs, rowsMax, this.publishedFloor],
    );
    this.publishedFloor = row?.floor ?? this.publishedFloor;
    return row?.purged_count ?? 0;
  }

  async stats(rowsMax = LOOKED_AT_ROWS_MAX): Promise<OutboxStats> {
    const [row] = await this.database.run<StatsRow>({ name: 'outbox-stats', text: OUTBOX_STATS }, [
      rowsMax,
      this.dueFloor,
    ]);
    await this.raiseFloor();
    return {
      unpublishedCount: row?.unpublished_count ?? 0,
      unpublishedMessages: row?.unpublished_messages ?? 0,
      oldestAgeMs: row?.oldest_age_ms ?? 0,
      deadCount: row?.dead_count ?? 0,
    };
  }

  /** Operator's call: unpublished rows, those that were given up first, then the oldest. */
  async list(rowsMax: number): Promise<ListedOutboxRow[]> {
    const rows = await this.database.run<ListedRow>({ name: 'list-outbox', text: LIST_OUTBOX }, [rowsMax]);
    return rows.map((row) => ({
      id: row.id,
      state: row.dead ? 'dead' : 'waiting',
      ageMs: row.age_ms,
      dueInMs: row.dead ? null : row.due_in_ms,
      attempts: row.attempts,
      topics: row.topics,
      messageCount: row.message_count,
      acknowledgedCount: row.acknowledged.length,
      publisher: row.publisher,
      error: row.last_error,
    }));
  }

  /** Operator's call: dead rows (all, or these) are due again at once with a fresh count. Returns how many. */
  async retryDead(ids?: readonly string[]): Promise<number> {
    const rows = await this.database.run({ name: 'revive-outbox', text: REVIVE_OUTBOX }, [ids ?? null]);
    return rows.length;
  }

  private async raiseFloor(): Promise<void> {
    const nowMs = performance.now();
    const isThorough = nowMs - this.lookedAllThroughAtMs > FLOOR_MS_MAX;
    if (isThorough) this.lookedAllThroughAtMs = nowMs;
    const earlier = this.look;
    const [row] = await this.database.run<FloorRow>({ name: 'outbox-floor', text: OUTBOX_FLOOR }, [
      isThorough ? NO_FLOOR : this.dueFloor,
      earlier?.askedAt ?? NO_FLOOR,
    ]);
    if (row === undefined) return;
    if (earlier !== undefined && earlier.nextXid > BigInt(row.oldest_xid)) return;
    if (earlier !== undefined && row.floor !== null) this.dueFloor = row.floor;
    this.look = { askedAt: row.asked_at, nextXid: BigInt(row.next_xid) };
  }
}

/** Ids and instants, of rows as append-outbox.ts names them. */
function namesOf(names: readonly string[]): [string[], string[]] {
  const parts = names.map((name) => name.split('@'));
  return [parts.map(([id = '']) => id), parts.map(([, instant = '']) => instant)];
}

export interface ListedOutboxRow {
  readonly id: string;
  readonly state: 'waiting' | 'dead';
  readonly ageMs: number;
  /** Until when it is somebody's, or waits; null for what is given up. */
  readonly dueInMs: number | null;
  readonly attempts: number;
  readonly topics: readonly string[];
  readonly messageCount: number;
  readonly acknowledgedCount: number;
  readonly publisher: string;
  readonly error: string | null;
}

interface StatsRow {
  readonly unpublished_count: number;
  readonly unpublished_messages: number;
  readonly oldest_age_ms: number;
  readonly dead_count: number;
}

interface ListedRow {
  readonly id: string;
  readonly dead: boolean;
  readonly attempts: number;
  readonly publisher: string;
  readonly last_error: string | null;
  readonly acknowledged: number[];
  readonly message_count: number;
  readonly age_ms: number;
  readonly due_in_ms: number;
  readonly topics: string[];
}

interface FloorRow {
  readonly floor: string | null;
  readonly asked_at: string;
  readonly oldest_xid: string;
  readonly next_xid: string;
}
