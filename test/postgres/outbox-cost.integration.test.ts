import { PostgresOutboxStore } from '../../src/postgres/outbox-store.ts';
import { Observer } from '../support/batch/held-transaction.ts';
import { type Instance, openInstance } from '../support/batch/postgres-batch-system.ts';
import { createTestDatabase } from '../support/servers/servers.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(120_000);

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let writer: Instance;
let observer: Observer;

beforeEach(async () => {
  target = await createTestDatabase();
  writer = openInstance(target.databaseUrl, 'writer');
  observer = new Observer(target.databaseUrl);
  await observer.connect();
});

afterEach(async () => {
  await observer.close();
  await writer.database.close();
  await target.drop();
});

const storeOf = () => new PostgresOutboxStore(writer.database, { instance: 'relay', leaseMs: 60_000, retentionMs: 0 });

/** Index entries that the looks at the outbox stepped over, whether or not somebody may still see their rows. */
async function entriesRead(look: () => Promise<unknown>): Promise<number> {
  const read = `select coalesce(sum(idx_tup_read), 0)::int as value from pg_stat_user_indexes where relname = 'outbox'`;
  const count = async () => (await observer.value<number>(read)) ?? 0;
  await settledStatistics();
  const before = await count();
  await look();
  await settledStatistics();
  return (await count()) - before;
}

/** What the pooled sessions counted becomes visible when they say so. */
async function settledStatistics(): Promise<void> {
  await writer.database.run({ name: 'flush', text: 'select pg_stat_force_next_flush()' }, []);
  await writer.database.run({ name: 'flush', text: 'select pg_stat_force_next_flush()' }, []);
  await observer.client.query('select pg_stat_clear_snapshot()');
}

test('under an old snapshot, a look costs what waits and not what was published since', async () => {
  const reader = new Observer(target.databaseUrl);
  await reader.connect();
  await reader.client.query('begin isolation level repeatable read; select 1 from outbox limit 1');
  const store = storeOf();
  await store.stats();
  await observer.client.query(`insert into outbox (publisher, messages, message_count, due_at)
    select 'w', '[]', 1, clock_timestamp() from generate_series(1, 30000)`);
  await observer.client.query('update outbox set published_at = clock_timestamp() where published_at is null');
  // The floor follows when those who might have written something earlier are gone.
  const looks = async () => {
    await store.claimDue(20);
    await store.stats();
  };
  const flat = await waitFor(
    async () => {
      const read = await entriesRead(looks);
      return read < 300 && read + 1;
    },
    { deadlineMs: 60_000, what: 'a look that is independent of what was published' },
  );
  expect(flat).toBeLessThan(301);
  for (let purged = 1; purged > 0; ) purged = await store.purge(10_000);
  expect(await observer.value('select count(*)::int as value from outbox')).toBe(0);
  await reader.close();
});

test('counting stops at its limit, and dead rows are not what waits', async () => {
  await observer.client.query(`insert into outbox (publisher, messages, message_count, due_at, dead)
    select 'w', '[]', 2, now(), n <= 100 from generate_series(1, 20000) n`);
  await observer.client.query('vacuum analyze outbox');
  const store = storeOf();
  expect(await store.stats(500)).toMatchObject({ unpublishedCount: 500, unpublishedMessages: 1000, deadCount: 100 });
  expect(await entriesRead(() => store.stats(500))).toBeLessThan(700);
  expect(await entriesRead(() => store.list(50))).toBeLessThan(300);
});
