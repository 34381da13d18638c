import { Pool, type PoolClient } from 'pg';
import { noPause, type Outcome, type Pause, type SlotService } from './slot-service.ts';

/**
 * A miniature of the service that ours replaces, with its recorded defects, on tables of its own: two transactions per
 * content, completion by counting, excess by a failed SKIP LOCKED, registration in phases. Written from descriptions of
 * its behaviour, to prove that a scenario would show the defect if our code had it.
 */
export type CompletionRule =
  /** Counts open slots in the transaction that took one, holding nothing. */
  | 'count-in-transaction'
  /** Commits, then counts. */
  | 'commit-then-count'
  /** In the transaction: complete where no open slot exists. */
  | 'conditional-update';

const SCHEMA = `
create table if not exists original_trackers (batch_id text primary key, completed_at timestamptz);
create table if not exists original_essays (essay_id text primary key, batch_id text not null, text_id text);
create unique index if not exists original_text on original_essays (batch_id, text_id) where text_id is not null;
create table if not exists original_failures (batch_id text not null, upload_id text not null, registered boolean);
create table if not exists original_pending (batch_id text, text_id text, primary key (batch_id, text_id));
create table if not exists original_events (id serial, batch_id text not null, kind text not null, text_id text);
truncate original_trackers, original_essays, original_failures, original_pending, original_events;`;

const CLAIM_ATTEMPTS_MAX = 5;

export class OriginalSlotService implements SlotService {
  private readonly pool: Pool;
  private readonly rule: CompletionRule;

  constructor(databaseUrl: string, rule: CompletionRule) {
    this.pool = new Pool({ connectionString: databaseUrl, max: 4 });
    this.rule = rule;
  }

  async reset(): Promise<void> {
    await this.pool.query(SCHEMA);
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  async register(batchId: string, slotCount: number, pause: Pause = noPause): Promise<void> {
    await this.inTransaction(async (session) => {
      await session.query('insert into original_trackers values ($1) on conflict do nothing', [batchId]);
      // Not compared with what is there: a repeat violates the key.
      const insert = 'insert into original_essays select $1 || n, $1 from generate_series(1, $2::int) n';
      await session.query(insert, [batchId, slotCount]);
    });
    await pause('before-drain');
    const { rows } = await this.pool.query<{ text_id: string }>(
      'select text_id from original_pending where batch_id = $1 order by text_id',
      [batchId],
    );
    for (const { text_id: text } of rows) {
      const isNew = await this.take(batchId, text, noPause, false);
      if (isNew)
        await this.pool.query('delete from original_pending where batch_id = $1 and text_id = $2', [batchId, text]);
    }
  }

  async content(batchId: string, text: string, pause: Pause = noPause): Promise<void> {
    const tracker = await this.pool.query('select 1 from original_trackers where batch_id = $1', [batchId]);
    if (tracker.rowCount === 0) {
      await pause('before-pending');
      await this.pool.query('insert into original_pending values ($1, $2) on conflict do nothing', [batchId, text]);
      return;
    }
    await this.take(batchId, text, pause, true);
  }

  async failure(batchId: string, upload: string): Promise<void> {
    const tracker = await this.pool.query('select 1 from original_trackers where batch_id = $1', [batchId]);
    const registered = tracker.rowCount === 1;
    await this.pool.query('insert into original_failures values ($1, $2, $3)', [batchId, upload, registered]);
    // Counts essays, of which a failure changes none.
    if (registered) await this.completeIfCounted(this.pool, batchId);
  }

  async strand(batchId: string, text: string): Promise<void> {
    await this.pool.query('insert into original_pending values ($1, $2)', [batchId, text]);
  }

  async outcome(batchId: string): Promise<Outcome> {
    const list = async (query: string): Promise<string[]> => {
      const { rows } = await this.pool.query<{ value: string }>(query, [batchId]);
      return rows.map(({ value }) => value);
    };
    const events = await list('select kind as value from original_events where batch_id = $1');
    return {
      assigned: await list(
        'select text_id as value from original_essays where batch_id = $1 and text_id is not null order by 1',
      ),
      openCount: await this.openCount(this.pool, batchId),
      burntCount: (await list('select upload_id as value from original_failures where batch_id = $1 and registered'))
        .length,
      pending: await list('select text_id as value from original_pending where batch_id = $1 order by 1'),
      excess: await list(`select text_id as value from original_events where batch_id = $1 and kind = 'excess'`),
      assignedEventCount: events.filter((kind) => kind === 'slot-assigned').length,
      completionCount: events.filter((kind) => kind === 'completed').length,
    };
  }

  /** True when the content is newly assigned. */
  private async take(batchId: string, text: string, pause: Pause, announceExcess: boolean): Promise<boolean> {
    for (let attempt = 1; attempt <= CLAIM_ATTEMPTS_MAX; attempt += 1) {
      const taken = await this.inTransaction(async (session) => {
        const claimed = await session.query(CLAIM, [batchId, text]);
        if (claimed.rowCount === 0) return false;
        if (this.rule !== 'commit-then-count') await this.announce(session, batchId, text);
        await pause('before-commit');
        return true;
      });
      if (taken) {
        await pause('before-completion');
        if (this.rule === 'commit-then-count') await this.announce(this.pool, batchId, text);
        return true;
      }
      const find = 'select 1 from original_essays where batch_id = $1 and text_id = $2';
      if ((await this.pool.query(find, [batchId, text])).rowCount === 1) {
        // A duplicate is announced like a new one.
        await this.announce(this.pool, batchId, text);
        return false;
      }
      await pause('before-verdict');
      if ((await this.openCount(this.pool, batchId)) === 0) break;
    }
    if (announceExcess) await this.publish(this.pool, batchId, 'excess', text);
    return false;
  }

  private async announce(session: Pool | PoolClient, batchId: string, text: string): Promise<void> {
    await this.publish(session, batchId, 'slot-assigned', text);
    await this.completeIfCounted(session, batchId);
  }

  private async completeIfCounted(session: Pool | PoolClient, batchId: string): Promise<void> {
    if (this.rule === 'conditional-update') {
      const updated = await session.query(COMPLETE_WHERE_FULL, [batchId]);
      if (updated.rowCount === 1) await this.publish(session, batchId, 'completed', null);
    } else if ((await this.openCount(session, batchId)) === 0) {
      await this.publish(session, batchId, 'completed', null);
    }
  }

  private async openCount(session: Pool | PoolClient, batchId: string): Promise<number> {
    const count = 'select count(*)::int as open from original_essays where batch_id = $1 and text_id is null';
    const { rows } = await session.query<{ open: number }>(count, [batchId]);
    return rows[0]?.open ?? 0;
  }

  private async publish(session: Pool | PoolClient, batchId: string, kind: string, text: string | null): Promise<void> {
    await session.query('insert into original_events (batch_id, kind, text_id) values ($1, $2, $3)', [
      batchId,
      kind,
      text,
    ]);
  }

  private async inTransaction<T>(work: (session: PoolClient) => Promise<T>): Promise<T> {
    const session = await this.pool.connect();
    try {
      await session.query('begin');
      const result = await work(session);
      await session.query('commit');
      return result;
    } catch (error) {
      await session.query('rollback');
      throw error;
    } finally {
      session.release();
    }
  }
}

const CLAIM = `
with slot as (
  select essay_id from original_essays
  where batch_id = $1 and text_id is null
    and not exists (select 1 from original_essays where batch_id = $1 and text_id = $2)
  order by essay_id limit 1 for update skip locked
)
update original_essays e set text_id = $2 from slot where e.essay_id = slot.essay_id`;

const COMPLETE_WHERE_FULL = `
update original_trackers set completed_at = now()
where batch_id = $1 and completed_at is null
  and not exists (select 1 from original_essays where batch_id = $1 and text_id is null)`;
