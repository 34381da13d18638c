import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { installAudit, removeAudit } from '../../../distributed/collect/audit.ts';
import { collectTables } from '../../../distributed/collect/tables.ts';
import { type AuditEntry, auditEntry } from '../../../distributed/judge/evidence/rows.ts';
import { createTestDatabase } from '../../support/servers/servers.ts';

const REGISTER = `
  insert into batches (id, state) values ('b1', 'announced');
  update batches set state = 'open', expected_count = 2, open_slots = 2, registration_digest = 'd' where id = 'b1';
  insert into slots (essay_id, batch_id, position) values ('e1', 'b1', 0), ('e2', 'b1', 1)`;

const FILL = `
  update slots set status = 'filled', text_storage_id = 't1', file_upload_id = 'u1', batch_version = 1, assigned_by = 'worker-1'
  where essay_id = 'e1'`;

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let client: Client;

beforeEach(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.databaseUrl });
  await client.connect();
  await installAudit(database.databaseUrl);
});

afterEach(async () => {
  await client.end();
  await database.drop();
});

async function collect(): Promise<{ entries: AuditEntry[]; lines: Record<string, number>; audited: boolean }> {
  const folder = await mkdtemp(join(tmpdir(), 'els-audit-'));
  try {
    const { lines, audited } = await collectTables(database.databaseUrl, folder);
    const text = audited ? await readFile(join(folder, 'tables', 'audit.jsonl'), 'utf8') : '';
    const entries = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => auditEntry.parse(JSON.parse(line)));
    return { entries, lines, audited };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a change is recorded with its transaction, before and after, and when it was committed', async () => {
  await client.query(REGISTER);
  await client.query(
    `begin; ${FILL}; insert into outbox (publisher, messages, message_count, due_at) values ('p', '[]', 0, now()); commit`,
  );
  const { entries, lines } = await collect();
  const taking = entries.find((entry) => entry.table === 'slots' && entry.operation === 'update');
  expect(taking).toMatchObject({
    batchId: 'b1',
    rowId: 'e1',
    old: { status: 'open' },
    new: { status: 'filled', text_storage_id: 't1', position: 0 },
  });
  expect(taking?.committedAtMs).toBeGreaterThanOrEqual(taking?.atMs ?? Number.POSITIVE_INFINITY);
  expect(entries.find((entry) => entry.table === 'outbox')).toMatchObject({ operation: 'insert', txid: taking?.txid });
  expect(entries.filter((entry) => entry.table === 'slots' && entry.operation === 'insert')).toMatchObject([
    { rowId: null, new: { count: 2 } },
  ]);
  expect(entries.find((entry) => entry.table === 'batches' && entry.operation === 'update')).toMatchObject({
    old: { state: 'announced' },
    new: { state: 'open' },
  });
  expect(lines).toMatchObject({
    'tables/slots.jsonl': 2,
    'tables/batches.jsonl': 1,
    'tables/audit.jsonl': entries.length,
  });
});

test('what was rolled back was never there', async () => {
  await client.query(REGISTER);
  await client.query(`begin; ${FILL}; rollback`);
  expect((await collect()).entries.filter((entry) => entry.operation === 'update' && entry.table === 'slots')).toEqual(
    [],
  );
});

test('a slot that is overwritten, deleted or born taken leaves its traces', async () => {
  await client.query(REGISTER);
  await client.query(FILL);
  await client.query("update slots set text_storage_id = 't2' where essay_id = 'e1'");
  await client.query("delete from slots where essay_id = 'e1'");
  await client.query(
    "insert into slots (essay_id, batch_id, position, status, text_storage_id, batch_version) values ('e3', 'b1', 2, 'filled', 't3', 9)",
  );
  const { entries } = await collect();
  const steps = entries
    .filter((entry) => entry.table === 'slots' && entry.rowId !== null)
    .map((entry) => `${entry.operation} ${entry.rowId}`);
  expect(steps).toEqual(['update e1', 'update e1', 'delete e1', 'insert e3']);
});

test('installing twice records once, and after removal nothing', async () => {
  await installAudit(database.databaseUrl);
  await client.query(REGISTER);
  await removeAudit(database.databaseUrl);
  await client.query(FILL);
  const { entries, audited } = await collect();
  expect(audited).toBe(true);
  expect(entries.filter((entry) => entry.table === 'slots').map((entry) => entry.operation)).toEqual(['insert']);
});
