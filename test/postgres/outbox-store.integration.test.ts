import type { OutboundMessage } from '../../src/domain/ports.ts';
import { PostgresOutboxStore } from '../../src/postgres/outbox-store.ts';
import { Observer } from '../support/batch/held-transaction.ts';
import { type Instance, openInstance } from '../support/batch/postgres-batch-system.ts';
import { createTestDatabase } from '../support/servers/servers.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(60_000);

const LEASE_MS = 60_000;

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let writer: Instance;
let relay: PostgresOutboxStore;
let other: PostgresOutboxStore;
let observer: Observer;

beforeEach(async () => {
  target = await createTestDatabase();
  writer = openInstance(target.databaseUrl, 'writer');
  relay = storeOf('relay');
  other = storeOf('other');
  observer = new Observer(target.databaseUrl);
  await observer.connect();
});

afterEach(async () => {
  await observer.close();
  await writer.database.close();
  await target.drop();
});

function storeOf(instance: string, leaseMs = LEASE_MS): PostgresOutboxStore {
  return new PostgresOutboxStore(writer.database, { instance, leaseMs, retentionMs: 60_000 });
}

const message = (value: string): OutboundMessage => ({ topic: 't', key: 'k', value, headers: { event_id: value } });

/** Rows whose writer's lease has ended, oldest first. */
async function dueRows(...values: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const value of values) {
    ids.push((await writer.store.transaction((tx) => tx.appendOutbox([message(value)]))).id);
    await makeDue();
  }
  return ids;
}

async function makeDue(): Promise<void> {
  await observer.client.query("update outbox set due_at = due_at - interval '1 day' where published_at is null");
}

describe('claiming', () => {
  test("a fresh row is its writer's until the lease ends", async () => {
    await writer.store.transaction((tx) => tx.appendOutbox([message('a')]));
    expect(await relay.claimDue(10)).toEqual([]);
    await makeDue();
    expect(await relay.claimDue(10)).toHaveLength(1);
  });

  test('a row carries its messages byte for byte', async () => {
    const odd = { topic: 't', key: 'ключ', value: '{"a":"\\u0000 \\ud83d\\ude00 😀"}', headers: { h: 'é' } };
    const row = await writer.store.transaction((tx) => tx.appendOutbox([odd, message('b')]));
    await makeDue();
    expect(await relay.claimDue(10)).toMatchObject([
      { id: row.id, messages: [odd, message('b')], attempts: 0, acknowledged: [] },
    ]);
  });

  test('a row of a later build is left to it with the reason, and keeps nobody from its neighbours', async () => {
    const [strange, plain] = await dueRows('strange', 'plain');
    await observer.client.query(`update outbox set messages = '{"v":2}' where messages like '%strange%' returning id`);
    expect((await relay.claimDue(10)).map(({ id }) => id)).toEqual([plain]);
    const { rows } = await observer.client.query<{ id: string; last_error: string; dead: boolean }>(
      `select id, last_error, dead from outbox where messages like '%"v":2%'`,
    );
    expect(strange).toContain(`${rows[0]?.id}@`);
    expect(rows).toEqual([{ id: rows[0]?.id, last_error: expect.stringContaining('later build'), dead: false }]);
  });

  test('a rolled back transaction leaves no row', async () => {
    const failing = writer.store.transaction(async (tx) => {
      await tx.appendOutbox([message('a')]);
      throw new Error('rolled back on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await relay.stats()).toEqual({
      unpublishedCount: 0,
      unpublishedMessages: 0,
      oldestAgeMs: 0,
      deadCount: 0,
    });
  });

  test('the oldest rows come first, no more than asked for', async () => {
    const ids = await dueRows('a', 'b', 'c');
    const claimed = (await relay.claimDue(2)).map(({ id }) => id).sort();
    expect(claimed).toEqual(ids.slice(0, 2).sort());
  });

  test("a claimed row is nobody else's until its lease ends, then it is taken again with the same bytes", async () => {
    await dueRows('a');
    const first = await storeOf('short', 1_000).claimDue(10);
    expect(await other.claimDue(10)).toEqual([]);
    const again = await waitFor(
      async () => {
        const rows = await other.claimDue(10);
        return rows.length > 0 && rows;
      },
      { deadlineMs: 20_000, what: 'the lease ends' },
    );
    expect(again.map((row) => row.messages)).toEqual(first.map((row) => row.messages));
  });

  test('two relays at once never take the same row and never wait for each other', async () => {
    const ids = await dueRows(...Array.from({ length: 40 }, (_, index) => `${index}`));
    const claims = await Promise.all(Array.from({ length: 8 }, (_, turn) => (turn % 2 ? relay : other).claimDue(5)));
    const claimed = claims.flat().map(({ id }) => id);
    expect(new Set(claimed).size).toBe(claimed.length);
    const rest = await relay.claimDue(100);
    expect([...claimed, ...rest.map(({ id }) => id)].sort()).toEqual([...ids].sort());
  });

  test('rows that another relay has locked are skipped, not waited for', async () => {
    const [locked, free] = await dueRows('a', 'b');
    await observer.client.query('begin');
    await observer.client.query('select 1 from outbox where id = $1 for update', [keyOf(locked)]);
    expect((await relay.claimDue(10)).map(({ id }) => id)).toEqual([free]);
    await observer.client.query('rollback');
  });

  test('a row that commits later than younger ones is not passed over', async () => {
    await observer.client.query('begin');
    const insert = `insert into outbox (publisher, messages, message_count, due_at)
      values ('slow', '[]', 0, now() - interval '1 hour') returning id::text as id`;
    const slow = (await observer.client.query<{ id: string }>(insert)).rows[0]?.id;
    const young = (await writer.store.transaction((tx) => tx.appendOutbox([message('b')]))).id;
    await writer.database.run({ name: 'make-due', text: 'update outbox set due_at = now() where id = $1' }, [
      keyOf(young),
    ]);
    expect((await relay.claimDue(10)).map(({ id }) => id)).toEqual([young]);
    await relay.markPublished([young]);
    await observer.client.query('commit');
    expect((await relay.claimDue(10)).map(({ id }) => keyOf(id))).toEqual([slow]);
  });
});

describe('after the attempt', () => {
  test('a published row is never due again, and a second mark keeps the first instant', async () => {
    const ids = await dueRows('a');
    await relay.markPublished(ids);
    const published = 'select published_at::text as value from outbox';
    const first = await observer.value<string>(published);
    await other.markPublished(ids);
    expect(await observer.value<string>(published)).toBe(first);
    await makeDue();
    expect(await relay.claimDue(10)).toEqual([]);
    expect((await relay.stats()).unpublishedCount).toBe(0);
  });

  test('a failed row waits its delay and counts its attempts', async () => {
    const [id = ''] = await dueRows('a');
    await relay.claimDue(1);
    await relay.reschedule([{ id, error: 'broker away', delayMs: 60_000.4, dead: false, acknowledged: [] }]);
    expect(await relay.claimDue(10)).toEqual([]);
    expect(await observer.value('select last_error as value from outbox')).toBe('broker away');
    await makeDue();
    expect(await relay.claimDue(10)).toMatchObject([{ id, attempts: 1 }]);
  });

  test('a dead row leaves the poll, is counted, holds up nobody and can be revived with a fresh count', async () => {
    const [dead = '', alive] = await dueRows('a', 'b');
    await relay.claimDue(1);
    await relay.reschedule([{ id: dead, error: 'too large', delayMs: 0, dead: true, acknowledged: [] }]);
    await makeDue();
    expect((await relay.claimDue(10)).map(({ id }) => id)).toEqual([alive]);
    expect(await relay.stats()).toMatchObject({ unpublishedCount: 1, deadCount: 1 });
    expect(await relay.retryDead(['0'])).toBe(0);
    expect(await relay.retryDead([keyOf(dead)])).toBe(1);
    expect(await relay.claimDue(10)).toMatchObject([{ id: dead, attempts: 0 }]);
  });

  test('all dead rows are revived when none is named', async () => {
    const ids = await dueRows('a', 'b');
    await relay.claimDue(2);
    await relay.reschedule(ids.map((id) => ({ id, error: 'too large', delayMs: 0, dead: true, acknowledged: [] })));
    expect(await relay.retryDead()).toBe(2);
    expect(await relay.claimDue(10)).toHaveLength(2);
  });

  test('what was acknowledged comes back with the row, and is counted no more', async () => {
    const three = [message('a'), message('b'), message('c')];
    const { id } = await writer.store.transaction((tx) => tx.appendOutbox(three));
    await makeDue();
    await relay.claimDue(1);
    expect(await relay.stats()).toMatchObject({ unpublishedCount: 1, unpublishedMessages: 3 });
    await relay.reschedule([{ id, error: 'below min ISR', delayMs: 0, dead: false, acknowledged: [0, 2] }]);
    expect(await relay.stats()).toMatchObject({ unpublishedCount: 1, unpublishedMessages: 1 });
    expect(await other.claimDue(10)).toMatchObject([{ id, messages: three, attempts: 1, acknowledged: [0, 2] }]);
    expect(await relay.list(10)).toMatchObject([
      {
        id: keyOf(id),
        state: 'waiting',
        attempts: 1,
        topics: ['t'],
        messageCount: 3,
        acknowledgedCount: 2,
        error: 'below min ISR',
      },
    ]);
  });

  test('a late loser neither shortens the lease of the new holder nor declares his row dead', async () => {
    const [id = ''] = await dueRows('a');
    await relay.claimDue(1);
    await makeDue();
    expect(await other.claimDue(1)).toHaveLength(1);
    await relay.reschedule([{ id, error: 'timed out', delayMs: 0, dead: true, acknowledged: [] }]);
    expect(await relay.claimDue(1)).toEqual([]);
    expect(await relay.stats()).toMatchObject({ unpublishedCount: 1, deadCount: 0 });
  });

  test('the lease of a fresh row begins with its writing, not with a transaction that waited before', async () => {
    const leaseMs = await writer.store.transaction(async (tx) => {
      // Each takes a moment; the last one is what counts.
      for (let count = 0; count < 200; count += 1) await tx.isStranded('nobody');
      const { id } = await tx.appendOutbox([message('a')]);
      return id;
    });
    const late = `select extract(epoch from due_at - created_at)::float8 * 1000 as value from outbox where id = ${keyOf(leaseMs)}`;
    expect(await observer.value<number>(late)).toBeGreaterThan(10_010);
  });

  test('a row that was lost with its server does not speak for the one that has its id now', async () => {
    const [lost = ''] = await dueRows('a');
    await observer.client.query('delete from outbox');
    await observer.client.query(`select setval('outbox_id_seq', $1::bigint, false)`, [keyOf(lost)]);
    const [now = ''] = await dueRows('b');
    expect(keyOf(now)).toBe(keyOf(lost));
    await relay.claimDue(1);
    await relay.markPublished([lost]);
    await relay.reschedule([{ id: lost, error: 'too large', delayMs: 0, dead: true, acknowledged: [0] }]);
    expect(await relay.stats()).toMatchObject({ unpublishedCount: 1, unpublishedMessages: 1, deadCount: 0 });
    await relay.markPublished([now]);
    expect(await relay.stats()).toMatchObject({ unpublishedCount: 0 });
  });

  test('a late failure does not bring back a row that somebody else has published', async () => {
    const [id = ''] = await dueRows('a');
    await other.markPublished([id]);
    await relay.reschedule([{ id, error: 'timed out', delayMs: 0, dead: true, acknowledged: [] }]);
    expect(await relay.stats()).toMatchObject({ unpublishedCount: 0, deadCount: 0 });
  });

  test('a late acknowledgement buries no dead row', async () => {
    const [id = ''] = await dueRows('a');
    await relay.claimDue(1);
    await relay.reschedule([{ id, error: 'timed out', delayMs: 0, dead: true, acknowledged: [] }]);
    await other.markPublished([id]);
    expect((await relay.stats()).deadCount).toBe(0);
  });

  test('the age of the oldest unpublished row is told', async () => {
    await dueRows('a', 'b');
    await observer.client.query(
      `update outbox set created_at = now() - interval '90 seconds' where messages like '%"a"%'`,
    );
    const { oldestAgeMs, unpublishedCount } = await relay.stats();
    expect(unpublishedCount).toBe(2);
    expect(oldestAgeMs).toBeGreaterThanOrEqual(90_000);
    expect(oldestAgeMs).toBeLessThan(120_000);
  });
});

describe('published rows that are not kept', () => {
  test('are removed with the mark, they alone; a second removal and a mark of another relay change nothing', async () => {
    const removing = new PostgresOutboxStore(writer.database, { instance: 'relay', leaseMs: 60_000, retentionMs: 0 });
    const [a = '', b = '', kept = ''] = await dueRows('a', 'b', 'kept');
    await removing.markPublished([a, b]);
    await removing.markPublished([a, b]);
    await relay.markPublished([a]);
    expect(await observer.value<string>('select string_agg(id::text, $$,$$) as value from outbox')).toBe(keyOf(kept));
    expect((await relay.claimDue(10)).map(({ id }) => id)).toEqual([kept]);
  });

  test('are none of another server: a row that has the id of one that was lost stays', async () => {
    const removing = new PostgresOutboxStore(writer.database, { instance: 'relay', leaseMs: 60_000, retentionMs: 0 });
    const [a = ''] = await dueRows('a');
    await removing.markPublished([`${keyOf(a)}@1`]);
    expect((await relay.stats()).unpublishedCount).toBe(1);
  });
});

describe('purging', () => {
  test('only published rows past retention go, a bounded number at a time', async () => {
    const [a = '', b = '', c = '', kept = ''] = await dueRows('a', 'b', 'c', 'kept');
    await relay.markPublished([a, b, c]);
    expect(await relay.purge(10)).toBe(0);
    await observer.client.query(`update outbox set published_at = published_at - interval '1 hour'`);
    expect(await relay.purge(2)).toBe(2);
    expect(await relay.purge(2)).toBe(1);
    expect(await relay.purge(2)).toBe(0);
    expect((await relay.claimDue(10)).map(({ id }) => id)).toEqual([kept]);
  });
});

/** The key of a row in the table, which is a part of its name. */
function keyOf(name: string | undefined): string {
  return name?.split('@')[0] ?? '';
}
