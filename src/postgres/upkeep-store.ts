/** UpkeepStore on PostgreSQL, on connections that no assignment waits for. */
import {
  type AgeCursor,
  type BatchCounts,
  COUNT_MAX,
  type Stretch,
  type Turn,
  type UpkeepStore,
} from '../domain/upkeep-store.ts';
import type { Database, Statement } from './database.ts';
import { COUNT_BATCHES } from './sql/count-batches.ts';
import { ERASE_ROWS } from './sql/erase-rows.ts';
import { FIND_FULL } from './sql/find-full.ts';
import { FIND_STRANDED } from './sql/find-stranded.ts';
import { MARK_ERASED } from './sql/mark-erased.ts';
import { TAKE_TURN } from './sql/take-turn.ts';

const statement = (name: string, text: string): Statement => ({ name, text });

const takeTurn = statement('take-turn', TAKE_TURN);
const findFull = statement('find-full', FIND_FULL);
const findStranded = statement('find-stranded', FIND_STRANDED);
const countBatches = statement('count-batches', COUNT_BATCHES);
const markErased = statement('mark-erased', MARK_ERASED);
const eraseRows = statement('erase-rows', ERASE_ROWS);

export class PostgresUpkeepStore implements UpkeepStore {
  private readonly database: Database;
  private readonly instance: string;

  constructor(database: Database, options: { readonly instance: string }) {
    this.database = database;
    this.instance = options.instance;
  }

  async takeTurn(turn: Turn, lapseMs: number): Promise<boolean> {
    const rows = await this.database.run(takeTurn, [turn, this.instance, lapseMs]);
    return rows.length > 0;
  }

  async findFull(from: AgeCursor | null, batchesMax: number): Promise<Stretch<AgeCursor>> {
    const [row] = await this.database.run<{ suspects: string[]; next_since: string | null; next_id: string | null }>(
      findFull,
      [from?.since ?? '-infinity', from?.batchId ?? '', batchesMax],
    );
    const [since, batchId] = [row?.next_since ?? null, row?.next_id ?? null];
    return {
      batchIds: row?.suspects ?? [],
      next: since === null || batchId === null ? null : { since, batchId },
    };
  }

  async findStranded(from: string | null, batchesMax: number): Promise<Stretch<string>> {
    const [row] = await this.database.run<{ suspects: string[]; next_id: string | null }>(findStranded, [
      from ?? '',
      batchesMax,
    ]);
    return { batchIds: row?.suspects ?? [], next: row?.next_id ?? null };
  }

  async counts(): Promise<BatchCounts> {
    const [row] = await this.database.run<{
      announced_count: number;
      open_count: number;
      pending_count: number;
      announced_oldest_age_seconds: number;
      open_oldest_age_seconds: number;
      pending_oldest_age_seconds: number;
    }>(countBatches, [COUNT_MAX]);
    return {
      announcedCount: row?.announced_count ?? 0,
      openCount: row?.open_count ?? 0,
      pendingCount: row?.pending_count ?? 0,
      announcedOldestAgeSeconds: row?.announced_oldest_age_seconds ?? 0,
      openOldestAgeSeconds: row?.open_oldest_age_seconds ?? 0,
      pendingOldestAgeSeconds: row?.pending_oldest_age_seconds ?? 0,
    };
  }

  async markErased(ageMs: number, batchesMax: number): Promise<number> {
    return (await this.database.run(markErased, [ageMs, batchesMax])).length;
  }

  async eraseRows(rowsMax: number): Promise<number | null> {
    const [row] = await this.database.run<{ count: number }>(eraseRows, [rowsMax]);
    return row?.count ?? null;
  }
}
