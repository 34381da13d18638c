/**
 * What a claim reads, in buffers and not in milliseconds: index probes only, and the same few per slot whether the slots
 * are 200 batches of 500 or one batch of 50 000, with and without statistics, new or half filled.
 */
import { escapeLiteral } from 'pg';
import { type Content, type Failure, identityOf } from '../../src/domain/inputs.ts';
import type { Database } from '../../src/postgres/database.ts';
import { ASSIGN_CONTENTS } from '../../src/postgres/sql/assign-contents.ts';
import { CLAIM_SLOTS } from '../../src/postgres/sql/claim-slots.ts';
import { content } from '../support/batch/sample-inputs.ts';
import { openDatabase } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';

jest.setTimeout(120_000);

const GROUP_SIZE = 100;
const BUFFERS_PER_SLOT_MAX = 40;
const RATIO_MAX = 1.3;

interface World {
  readonly name: string;
  readonly batchCount: number;
  readonly slotsPerBatch: number;
}

const MANY: World = { name: '200 batches of 500', batchCount: 200, slotsPerBatch: 500 };
const ONE: World = { name: 'one batch of 50 000', batchCount: 1, slotsPerBatch: 50_000 };

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Plan[];
}

interface Reading {
  readonly claimedCount: number;
  readonly buffersPerSlot: number;
  readonly scanned: readonly string[];
}

test.each([
  ['claim-slots', CLAIM_SLOTS],
  ['assign-contents', ASSIGN_CONTENTS],
])('%s probes indexes only, and costs the same in small batches and in a huge one', async (statement, text) => {
  const readings = new Map<string, Reading>();
  for (const world of [MANY, ONE]) {
    const target = await createTestDatabase();
    const database = openDatabase(target.databaseUrl, { statementTimeoutMs: 60_000, queryTimeoutMs: 60_000 });
    try {
      await fill(database, world);
      readings.set(`${world.name}, no statistics`, await explainClaim(database, text, ['b0']));
      await run(database, 'analyze');
      readings.set(`${world.name}, analyzed`, await explainClaim(database, text, ['b0']));
      await fillHalf(database, world);
      readings.set(`${world.name}, half filled`, await explainClaim(database, text, ['b0']));
      if (world.batchCount > 1) {
        const batchIds = Array.from({ length: 20 }, (_, index) => `b${index * 7}`);
        readings.set(`${world.name}, 20 batches in a group`, await explainClaim(database, text, batchIds));
      }
    } finally {
      await database.close();
      await target.drop();
    }
  }
  for (const [name, { claimedCount, buffersPerSlot, scanned }] of readings) {
    process.stdout.write(`${statement} of ${claimedCount} in ${name}: ${buffersPerSlot.toFixed(1)} buffers per slot\n`);
    expect({ name, claimedCount, scanned }).toEqual({ name, claimedCount: GROUP_SIZE, scanned: [] });
    expect(buffersPerSlot).toBeLessThan(BUFFERS_PER_SLOT_MAX);
  }
  for (const state of ['no statistics', 'analyzed', 'half filled']) {
    const [many, one] = [MANY, ONE].map(({ name }) => readings.get(`${name}, ${state}`)?.buffersPerSlot ?? 0);
    expect(Math.max(many ?? 0, one ?? 0) / Math.min(many ?? 0, one ?? 0)).toBeLessThanOrEqual(RATIO_MAX);
  }
});

test('without the pinned session settings a sequential scan can happen, and this test would see it', async () => {
  const target = await createTestDatabase();
  const sessionSettings = { enable_indexscan: 'off', enable_bitmapscan: 'off', enable_indexonlyscan: 'off' };
  const database = openDatabase(target.databaseUrl, { sessionSettings });
  try {
    await fill(database, { name: 'small', batchCount: 2, slotsPerBatch: 200 });
    expect((await explainClaim(database, CLAIM_SLOTS, ['b0'])).scanned).toContain('slots');
  } finally {
    await database.close();
    await target.drop();
  }
});

async function run<Row extends object>(database: Database, text: string): Promise<Row[]> {
  return (await database.pool.query<Row>(text)).rows;
}

async function fill(database: Database, { batchCount, slotsPerBatch }: World): Promise<void> {
  await run(
    database,
    `insert into batches (id, state, expected_count, open_slots, registration_digest, registered_at)
     select 'b' || b, 'open', ${slotsPerBatch}, ${slotsPerBatch}, 'digest', now()
     from generate_series(0, ${batchCount - 1}) b`,
  );
  await run(
    database,
    `insert into slots (essay_id, batch_id, position)
     select md5(b || ' ' || p), 'b' || b, p
     from generate_series(0, ${batchCount - 1}) b, generate_series(0, ${slotsPerBatch - 1}) p`,
  );
}

/** The lower half of every batch, then what autovacuum would have done. */
async function fillHalf(database: Database, { slotsPerBatch }: World): Promise<void> {
  const half = slotsPerBatch / 2;
  await run(
    database,
    `update slots set status = 'filled', text_storage_id = md5('text ' || essay_id), batch_version = position + 1
     where position < ${half}`,
  );
  await run(database, `update batches set open_slots = ${half}, filled_count = ${half}, version = ${half}`);
  await run(database, 'vacuum analyze slots, batches');
}

/** Claims for a group spread over these batches, as the product's prepared statement, and undoes it. */
async function explainClaim(database: Database, text: string, batchIds: readonly string[]): Promise<Reading> {
  const inputs = Array.from({ length: GROUP_SIZE }, (_, index) =>
    content(batchIds[index % batchIds.length] ?? '', `new text ${index}`),
  );
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    await client.query(`prepare claim as ${text}`);
    const explained = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `explain (analyze, buffers, format json) execute claim(${argumentsOf(text, inputs)})`,
    );
    const taken = await client.query<{ count: number }>(
      `select count(*)::int as count from slots where text_storage_id like 'new text %'`,
    );
    const plan = explained.rows[0]?.['QUERY PLAN'][0].Plan;
    if (plan === undefined) throw new Error('explain answered nothing');
    const claimedCount = taken.rows[0]?.count ?? 0;
    const buffers = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    return { claimedCount, buffersPerSlot: buffers / claimedCount, scanned: scannedTables(plan) };
  } finally {
    await client.query('rollback');
    await client.query('deallocate all');
    client.release();
  }
}

function argumentsOf(text: string, inputs: readonly (Content | Failure)[]): string {
  const array = (values: readonly string[]): string => `array[${values.map(escapeLiteral).join(', ')}]::text[]`;
  const columns = [
    inputs.map(({ kind }) => kind),
    inputs.map(({ batchId }) => batchId),
    inputs.map(identityOf),
    inputs.map(({ fileUploadId }) => fileUploadId),
    inputs.map(({ originalFileName }) => originalFileName),
  ];
  const claim = [...columns.map(array), `'instance'`];
  const nulls = `array_fill(null::text, array[${inputs.length}])`;
  const events = [array(inputs.map(({ correlationId }) => correlationId)), nulls, nulls, `'{"v":1'`, '10000'];
  return (text === ASSIGN_CONTENTS ? [...claim, ...events] : claim).join(', ');
}

/** Tables of the product that are read from end to end. */
function scannedTables(plan: Plan): string[] {
  const children = (plan.Plans ?? []).flatMap(scannedTables);
  const table = plan['Relation Name'];
  const isScan = plan['Node Type'] === 'Seq Scan' && (table === 'slots' || table === 'batches');
  return isScan && table !== undefined ? [table, ...children] : children;
}
