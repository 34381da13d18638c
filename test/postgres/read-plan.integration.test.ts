/**
 * What the read API costs the database, in buffers and not in milliseconds: the same whether the outbox is empty or has
 * 200 MB unpublished, and bounded however much of a batch waits or was too much.
 */
import { outboundEventId } from '../../src/contract/event-id.ts';
import { EVENT_TYPES } from '../../src/contract/topics.ts';
import type { Database } from '../../src/postgres/database.ts';
import { READ_BATCH_STATUS } from '../../src/postgres/sql/read-batch-status.ts';
import { PostgresStatusReader } from '../../src/postgres/status-reader.ts';
import { openDatabase } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';

jest.setTimeout(120_000);

const BUFFERS_MAX = 40;
const ROWS = 200;

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let database: Database;
const sql = (text: string) => database.pool.query(text);

beforeAll(async () => {
  target = await createTestDatabase();
  database = openDatabase(target.databaseUrl, { statementTimeoutMs: 60_000, queryTimeoutMs: 60_000 });
  await sql(`
    insert into batches (id, state, expected_count, filled_count, registration_digest, registered_at, completed_at)
    select 'b' || n, 'complete', 1, 1, 'digest', now(), now() from generate_series(1, 3) n`);
});
afterAll(async () => {
  await database.close();
  await target.drop();
});

async function buffersOf(batchId: string): Promise<number> {
  const text = `explain (analyze, buffers, format json) ${READ_BATCH_STATUS.replaceAll('$1', `'${batchId}'`).replaceAll('$2', '1000')}`;
  const { rows } = await database.pool.query<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }>(text);
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan ?? {};
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
}

test('does not grow with what is unpublished', async () => {
  const before = await buffersOf('b1');
  // A megabyte each, which does not compress: the text of a row is what used to be searched.
  await sql(`
    insert into outbox (publisher, messages, message_count, due_at)
    select 'p', (select string_agg(md5(random()::text || i), '') from generate_series(1, 32768) i where n > 0), 1, now()
    from generate_series(1, ${ROWS}) n`);
  await sql('update batches set completion_outbox_id = (select max(id) from outbox)');
  const { rows } = await database.pool.query<{ bytes: string }>(
    `select sum(octet_length(messages)) as bytes from outbox`,
  );
  expect(Number(rows[0]?.bytes)).toBeGreaterThan(200_000_000);
  const after = await buffersOf('b1');
  process.stdout.write(`status of a batch: ${before} buffers, ${after} with 200 MB unpublished\n`);
  expect(before).toBeLessThan(BUFFERS_MAX);
  expect(after).toBeLessThan(BUFFERS_MAX);
});

test('tells whether the completion is published by the row that carries it', async () => {
  const reader = new PostgresStatusReader(database);
  const published = async (id: string) => (await reader.batch(id))?.completion;
  const eventId = outboundEventId('b1', EVENT_TYPES.completed, '');
  expect(await published('b1')).toEqual({ eventId, published: false });
  await sql('update outbox set published_at = now() where id = (select max(id) from outbox)');
  expect(await published('b1')).toEqual({ eventId, published: true });
  await sql('delete from outbox where published_at is not null');
  expect(await published('b1')).toEqual({ eventId, published: true });
  // Written by a build that did not note the row.
  await sql(`update batches set completion_outbox_id = null where id = 'b2'`);
  expect(await published('b2')).toMatchObject({ published: true });
});

test('of a batch with 100 000 pending and excess inputs is bounded, and says at least so many', async () => {
  await sql(`
    insert into pending_inputs (batch_id, kind, identity, file_upload_id, original_file_name, correlation_id)
    select 'b3', 'content', 't' || n, 'u', 'f', 'c' from generate_series(1, 100000) n`);
  await sql(`
    insert into excess_contents (batch_id, text_storage_id, file_upload_id, original_file_name, correlation_id)
    select 'b3', 't' || n, 'u', 'f', 'c' from generate_series(1, 100000) n`);
  const buffers = await buffersOf('b3');
  process.stdout.write(`status of a batch with 200 000 inputs over: ${buffers} buffers\n`);
  expect(buffers).toBeLessThan(3000);
  const status = await new PostgresStatusReader(database).batch('b3');
  expect([status?.pendingCount, status?.excessCount]).toEqual([1000, 1000]);
});
