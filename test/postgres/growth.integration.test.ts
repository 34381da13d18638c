/**
 * What each statement reads when three times as much has been done as before: the same. In buffers, not milliseconds,
 * of the plans that the sessions of the product get. Everything that accumulates grows between the two readings:
 * finished batches and their slots, filled slots of the batches asked about, failures, excess, pending inputs of other
 * batches, unfinished batches, published events. What a call is about (its group, its page, its step) stays the same.
 *
 * Every statement has a line here that says what it may walk: everything else is found by probes of an index.
 */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { escapeLiteral } from 'pg';
import type { Database } from '../../src/postgres/database.ts';
import { openDatabase } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';

jest.setTimeout(120_000);

const FOLDER = join(__dirname, '../../src/postgres/sql');
const BIG_TABLES = ['batches', 'slots', 'pending_inputs', 'failures', 'excess_contents', 'outbox'];
const RATIO_MAX = 1.3;
/** A level more in an index, of a statement that reads next to nothing. */
const SLACK_BUFFERS = 12;
const GROUP_SIZE = 100;
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

type Argument = string | number | null | readonly (string | number | null)[];

interface Growing {
  /** With the pinned plans of assignments, or as everything else. */
  readonly session: 'hot' | 'side';
  readonly values: readonly Argument[];
  /** Indexes that it reads from an end up to a limit of its own. */
  readonly walks?: readonly string[];
  /** Tables of which it takes whatever comes first, up to a limit of its own. */
  readonly samples?: readonly string[];
  /** Buffers more, where there is a reason. */
  readonly slack?: number;
}

const group = <T>(make: (index: number) => T): T[] => Array.from({ length: GROUP_SIZE }, (_, index) => make(index));
const inBig = group(() => 'big');
const early = group((index) => `early-${index % 5}`);
/** Ids that nobody has seen, anywhere among those that there are. */
const fresh = group((index) => md5(`new ${index}`));
const files = group(() => 'file.txt');
const nothing = group(() => null);

/** By file. What touches no table that grows is told in the second list. */
const STATEMENTS: Readonly<Record<string, Growing>> = {
  'append-outbox': { session: 'hot', values: ['me', '[]', 0, 10_000, ['big']] },
  'assign-contents': {
    session: 'hot',
    values: [group(() => 'content'), inBig, fresh, fresh, files, 'me', fresh, nothing, nothing, '{"v":1', 10_000],
  },
  'burn-open': { session: 'hot', values: ['closing', 'els'] },
  'claim-due-outbox': { session: 'side', values: [20, 10_000, 'me', '-infinity'], walks: ['outbox_unpublished'] },
  'claim-slots': {
    session: 'hot',
    values: [group((index) => (index % 2 === 0 ? 'content' : 'failure')), inBig, fresh, fresh, files, 'me'],
  },
  // Each essay id is looked for and not found: two levels of the index more or less.
  'compare-registrations': {
    session: 'hot',
    values: [['early-0'], fresh, group(() => 'early-0')],
    slack: 2 * GROUP_SIZE,
  },
  'count-batches': {
    session: 'side',
    values: [100],
    walks: ['batches_by_age', 'pending_by_age'],
    samples: ['pending_inputs', 'batches'],
  },
  'erase-rows': { session: 'side', values: [50], walks: ['batches_being_erased'] },
  // What it looks at is full in both worlds.
  'find-batches': {
    session: 'side',
    values: ['done-', 'done-1', 100, ['open', 'complete'], 'teacher', 'school', null, null, '-infinity', 50, 100],
  },
  'find-full': { session: 'side', values: ['-infinity', '', 100] },
  'find-known': { session: 'hot', values: [group((index) => (index % 2 === 0 ? 'content' : 'failure')), inBig, fresh] },
  'find-stranded': { session: 'side', values: ['', 100] },
  'forget-announced': { session: 'hot', values: ['early-0'] },
  'is-stranded': { session: 'hot', values: ['big'] },
  'list-batches': { session: 'side', values: ['open', 0, '-infinity', '', 50, 100] },
  'list-outbox': { session: 'side', values: [100], walks: ['outbox_unpublished', 'outbox_dead'] },
  'lock-batches': {
    session: 'hot',
    values: [group((index) => (index % 2 === 0 ? `early-${index}` : `fresh-${index}`))],
  },
  'mark-erased': { session: 'side', values: [0, 50], walks: ['batches_to_erase'] },
  'mark-published': {
    session: 'side',
    values: [
      [1, 2, 3],
      [1, 2, 3],
    ],
  },
  'outbox-floor': { session: 'side', values: ['-infinity', '-infinity'], walks: ['outbox_unpublished'] },
  'outbox-stats': { session: 'side', values: [100, '-infinity'], walks: ['outbox_unpublished', 'outbox_dead'] },
  'purge-outbox': { session: 'side', values: [600_000, 100, '-infinity'], walks: ['outbox_published'] },
  'page-batches': {
    session: 'side',
    values: [
      ['announced', 'open', 'complete'],
      'true',
      'teacher',
      'school',
      'ENG5',
      '-infinity',
      null,
      null,
      null,
      'infinity',
      '',
      50,
      100,
    ],
  },
  'page-excess': { session: 'side', values: ['big', '', 50] },
  'page-failures': { session: 'side', values: ['big', '', 50] },
  // A page may look at every slot of its batch, so this one is of a batch that does not grow.
  'page-slots': { session: 'side', values: ['closing', -1, 50] },
  'read-batch-status': { session: 'side', values: ['big', 100] },
  'read-completions': { session: 'hot', values: [['done-1']] },
  'read-essay-status': { session: 'side', values: [md5('done-1-3')] },
  'read-essay-owner': { session: 'side', values: [md5('done-1-3')] },
  'read-owners': { session: 'side', values: [['big', 'done-1', 'nobody']] },
  'read-progress': {
    session: 'side',
    values: [
      ['closing', 'done-1'],
      [0, 0],
      ['open', 'open'],
    ],
  },
  'read-state': { session: 'hot', values: ['big'] },
  'record-excess': { session: 'hot', values: [inBig, fresh, fresh, files, fresh] },
  'record-failures': { session: 'hot', values: [inBig, fresh, nothing, files, fresh, fresh, fresh] },
  'record-pending': {
    session: 'hot',
    values: [early, group(() => 'content'), fresh, fresh, files, nothing, nothing, fresh, nothing, nothing, 1_000_000],
  },
  'recount-batch': { session: 'hot', values: ['closing'] },
  'register-batches': {
    session: 'hot',
    values: [
      ['early-0'],
      [GROUP_SIZE],
      ['ENG5'],
      ['teacher'],
      [null],
      [null],
      [null],
      ['correlation'],
      [null],
      ['digest'],
      fresh,
      group(() => 'early-0'),
      group((index) => index),
      [null],
    ],
  },
  'remove-published': {
    session: 'side',
    values: [
      [1, 2, 3],
      [1, 2, 3],
    ],
  },
  'reschedule-outbox': {
    session: 'side',
    values: [[1, 2], ['error', 'error'], [1000, 1000], ['false', 'false'], ['{0}', '{}'], 'me', [1, 2]],
  },
  'revive-outbox': { session: 'side', values: [null], walks: ['outbox_dead'] },
  'take-pending': { session: 'hot', values: [['early-0', 'early-1'], 50] },
};

/** They write and read one row for each partition, or for each kind of upkeep. */
const OF_SMALL_TABLES = [
  'advance-partitions',
  'begin-partitions',
  'can-work',
  'clear-marks',
  'mark-record',
  'mark-stretches',
  'take-turn',
];

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Plan[];
}

interface Reading {
  readonly buffers: number;
  readonly refused: readonly string[];
}

/** Finished batches. Large enough for the indexes to be as deep in the first world as in the second. */
const WORLDS = [
  { from: 0, to: 10_000 },
  { from: 10_000, to: 30_000 },
];
const SLOTS_EACH = 5;

test('every statement has its line', () => {
  const known = [...Object.keys(STATEMENTS), ...OF_SMALL_TABLES];
  const statements = readdirSync(FOLDER).map((file) => file.replace('.ts', ''));
  expect(statements.sort()).toEqual(known.sort());
});

test('every statement reads what its call is about, whatever there is besides', async () => {
  const target = await createTestDatabase();
  const limits = { statementTimeoutMs: 60_000, queryTimeoutMs: 60_000 };
  const hot = openDatabase(target.databaseUrl, limits);
  const side = openDatabase(target.databaseUrl, { ...limits, sessionSettings: {} });
  try {
    const readings: Map<string, Reading>[] = [];
    for (const world of WORLDS) {
      await fill(side, world);
      readings.push(await readAll({ hot, side }));
    }
    const [small, large] = readings as [Map<string, Reading>, Map<string, Reading>];
    const refused: string[] = [];
    for (const name of Object.keys(STATEMENTS)) {
      const [before, after] = [small.get(name), large.get(name)] as [Reading, Reading];
      process.stdout.write(`${name}: ${before.buffers} buffers, then ${after.buffers}\n`);
      refused.push(...[...before.refused, ...after.refused].map((what) => `${name}: ${what}`));
      if (after.buffers > before.buffers * RATIO_MAX + (STATEMENTS[name]?.slack ?? SLACK_BUFFERS)) {
        refused.push(`${name}: ${before.buffers} buffers became ${after.buffers}`);
      }
    }
    expect(refused).toEqual([]);
  } finally {
    await hot.close();
    await side.close();
    await target.drop();
  }
});

test('the vacuum keeps up with the bytes where they are: the TOAST tables have settings of their own', async () => {
  const target = await createTestDatabase();
  const database = openDatabase(target.databaseUrl);
  try {
    const { rows } = await database.pool.query<{ table: string; options: string[] | null }>(
      `select c.relname as table, t.reloptions as options
       from pg_class c join pg_class t on t.oid = c.reltoastrelid
       where c.relname in ('outbox', 'pending_inputs', 'batches') order by 1`,
    );
    const options = ['autovacuum_vacuum_scale_factor=0.02', 'autovacuum_vacuum_cost_delay=0'];
    expect(rows).toEqual(['batches', 'outbox', 'pending_inputs'].map((table) => ({ table, options })));
  } finally {
    await database.close();
    await target.drop();
  }
});

/** Adds to what is there; `big` gets as many filled slots as there are finished batches. */
async function fill({ pool }: Database, { from, to }: { from: number; to: number }): Promise<void> {
  const series = `generate_series(${from}, ${to - 1}) n`;
  const twice = `generate_series(${from * 2}, ${to * 2 - 1}) n`;
  const registered = `'digest', now() - interval '1 day' - n * interval '1 second'`;
  await pool.query(
    `insert into batches (id, state, expected_count, filled_count, version, user_id, org_id, course_code,
       registration_digest, registered_at, completed_at)
     select 'done-' || n, 'complete', ${SLOTS_EACH}, ${SLOTS_EACH}, ${SLOTS_EACH}, 'teacher', 'school', 'ENG5',
       ${registered}, now() from ${series}`,
  );
  await pool.query(
    `insert into slots (essay_id, batch_id, position, status, text_storage_id, file_upload_id, original_file_name, batch_version)
     select md5('done-' || n || '-' || p), 'done-' || n, p, 'filled', md5('text' || p), md5('upload' || p), 'file.txt', p + 1
     from ${series}, generate_series(0, ${SLOTS_EACH - 1}) p`,
  );
  await pool.query(
    `insert into batches (id, state, expected_count, open_slots, registration_digest, registered_at)
     select 'open-' || n, 'open', 2, 2, ${registered} from ${series} where n % 5 = 0`,
  );
  await pool.query(
    `insert into slots (essay_id, batch_id, position)
     select md5('open-' || n || '-' || p), 'open-' || n, p from ${series}, generate_series(0, 1) p where n % 5 = 0`,
  );
  await pool.query(
    `insert into batches (id, state) select 'early-' || n, 'announced' from ${series} where n < 200 or n % 5 = 0`,
  );
  await pool.query(
    `insert into pending_inputs (batch_id, kind, identity, file_upload_id, original_file_name, correlation_id)
     select 'early-' || n, 'content', 'text ' || p, 'upload ' || p, 'file.txt', 'correlation'
     from ${series}, generate_series(0, 99) p where n < 5
     union all
     select 'early-' || n, 'content', 'text', 'upload', 'file.txt', 'correlation' from ${series} where n % 5 = 0 and n >= 5`,
  );
  if (from === 0) {
    for (const [id, open] of [
      ['big', 1000],
      ['closing', 100],
    ] as const) {
      await pool.query(
        `insert into batches (id, state, expected_count, open_slots, registration_digest, registered_at)
         values ('${id}', 'open', ${open}, ${open}, 'digest', now())`,
      );
      await pool.query(
        `insert into slots (essay_id, batch_id, position)
         select md5('${id}-open-' || n), '${id}', 1000000 + n from generate_series(1, ${open}) n`,
      );
    }
  }
  await pool.query(
    `insert into slots (essay_id, batch_id, position, status, text_storage_id, file_upload_id, original_file_name, batch_version)
     select md5('big-' || n), 'big', n, 'filled', md5('text' || n), md5('upload' || n), 'file.txt', n + 1 from ${series}`,
  );
  await pool.query(
    `update batches set filled_count = ${to}, expected_count = open_slots + ${to}, version = ${to} where id = 'big'`,
  );
  await pool.query(
    `insert into failures (batch_id, file_upload_id, original_file_name, error_code, error_message, correlation_id)
     select 'done-' || n, md5('upload' || n), 'file.txt', 'EMPTY', 'empty', 'correlation' from ${series}
     union all select 'big', md5('failed' || n), 'file.txt', 'EMPTY', 'empty', 'correlation' from ${twice}`,
  );
  await pool.query(
    `insert into excess_contents (batch_id, text_storage_id, file_upload_id, original_file_name, correlation_id)
     select 'done-' || n, md5('text' || n), 'upload', 'file.txt', 'correlation' from ${series}
     union all select 'big', md5('excess' || n), 'upload', 'file.txt', 'correlation' from ${twice}`,
  );
  await pool.query(
    `insert into outbox (publisher, messages, message_count, due_at, published_at)
     select 'me', '[]', 0, now(), case when n % 100 > 0 or n > 1000 then now() - interval '1 hour' end from ${series}`,
  );
  if (from === 0) {
    await pool.query(
      `update batches set erased_at = now(), erasing = true where id in (select 'done-' || n from generate_series(10, 12) n)`,
    );
  }
  await pool.query('vacuum analyze');
}

async function readAll(databases: Readonly<Record<Growing['session'], Database>>): Promise<Map<string, Reading>> {
  const readings = new Map<string, Reading>();
  for (const [name, statement] of Object.entries(STATEMENTS)) {
    const exported = (await import(join(FOLDER, `${name}.ts`))) as Record<string, string>;
    const text = exported[name.replaceAll('-', '_').toUpperCase()] ?? '';
    readings.set(name, await explain(databases[statement.session], text, statement));
  }
  return readings;
}

/** As the product's prepared statement, and undone. */
async function explain({ pool }: Database, text: string, statement: Growing): Promise<Reading> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`prepare measured as ${text}`);
    const values = statement.values.map(literal).join(', ');
    const call = values === '' ? 'execute measured' : `execute measured(${values})`;
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `explain (analyze, buffers, format json) ${call}`,
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    if (plan === undefined) throw new Error('explain answered nothing');
    return { buffers: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], refused: refusedScans(plan, statement) };
  } finally {
    await client.query('rollback');
    await client.query('deallocate all');
    client.release();
  }
}

function literal(value: Argument): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return escapeLiteral(value);
  return escapeLiteral(`{${value.map((each) => (each === null ? 'null' : JSON.stringify(String(each)))).join(',')}}`);
}

/** Reads of a table that grows which no index condition bounds. */
function refusedScans(plan: Plan, { walks = [], samples = [] }: Growing, table?: string): string[] {
  const relation = plan['Relation Name'] ?? table;
  const below = (plan.Plans ?? []).flatMap((each) =>
    refusedScans(each, { session: 'hot', values: [], walks, samples }, relation),
  );
  const node = plan['Node Type'];
  if (relation === undefined || !BIG_TABLES.includes(relation)) return below;
  if (node === 'Seq Scan' && !samples.includes(relation)) return [`${node} of ${relation}`, ...below];
  const index = plan['Index Name'];
  const isUnbounded = index !== undefined && plan['Index Cond'] === undefined;
  if (isUnbounded && !walks.includes(index)) return [`${node} of ${index} without a condition`, ...below];
  return below;
}
