/** Lists of batches from a gateway process: each batch once, the newest first, and those that were asked for. */
import { WorkerFixture } from '../../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../../support/worker/worker-program.ts';

jest.setTimeout(120_000);

const BATCHES = 60;

interface Item {
  readonly batch_id: string;
  readonly state: string;
  readonly pending: number;
}

let fixture: WorkerFixture;
let gateway: WorkerProgram;
let newestFirst: string[];

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 1 });
  // Three of each moment, so that pages end between batches of one time.
  await fixture.sql(
    `insert into batches (id, state, expected_count, open_slots, filled_count, registration_digest, course_code, user_id,
       org_id, registered_at, completed_at)
     select 'b' || lpad(n::text, 3, '0'), case when n % 4 = 0 then 'complete' else 'open' end, 2,
       case when n % 4 = 0 then 0 else 1 end, case when n % 4 = 0 then 2 else 1 end, 'd', 'course ' || n % 3, 'user ' || n % 2,
       case when n % 5 = 0 then 'org' end, timestamptz '2026-01-01 00:00:00.000123Z' + n / 3 * interval '1 hour',
       case when n % 4 = 0 then now() end
     from generate_series(0, $1 - 1) n`,
    [BATCHES],
  );
  await fixture.sql(`insert into batches (id, state) values ('x_% early', 'announced')`);
  await fixture.sql(
    `insert into pending_inputs (batch_id, kind, identity, file_upload_id, original_file_name, correlation_id)
     select 'x_% early', 'content', n::text, 'u', 'f', 'c' from generate_series(1, 3) n`,
  );
  const rows = await fixture.sql<{ id: string }>(
    `select id from batches order by coalesce(registered_at, announced_at) desc, id desc`,
  );
  newestFirst = rows.map(({ id }) => id);
  gateway = await fixture.launchReady('gateway', { program: 'src/bin/gateway.ts' });
});

afterAll(() => fixture.close());

async function all(query: Readonly<Record<string, string>>, limit = 7): Promise<Item[]> {
  const found: Item[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const asked = new URLSearchParams({ ...query, limit: String(limit), after });
    const { status, json, text } = await gateway.get(`/v1/batches?${asked}`);
    if (status !== 200) throw new Error(`${status}: ${text}`);
    const page = json() as { batches: Item[]; next: string | null };
    found.push(...page.batches);
    after = page.next;
  }
  return found;
}

const idsOf = (items: readonly Item[]): string[] => items.map(({ batch_id }) => batch_id);
const numbers = (condition: (n: number) => boolean): string[] =>
  newestFirst.filter((id) => id.startsWith('b') && condition(Number(id.slice(1))));

test('all batches come each once, the newest first, with what waits for them', async () => {
  const items = await all({});
  expect(idsOf(items)).toEqual(newestFirst);
  expect(items[0]).toMatchObject({ batch_id: 'x_% early', state: 'announced', pending: 3, expected_count: null });
  expect(items.find(({ batch_id }) => batch_id === 'b001')).toMatchObject({
    state: 'open',
    open: 1,
    filled: 1,
    completion_percentage: 50,
    course_code: 'course 1',
    user_id: 'user 1',
    registered_at: '2026-01-01T00:00:00.000Z',
  });
});

test.each<[Record<string, string>, (n: number) => boolean]>([
  [{ state: 'open' }, (n) => n % 4 !== 0],
  [{ state: 'complete' }, (n) => n % 4 === 0],
  [{ course: 'course 2' }, (n) => n % 3 === 2],
  [{ owner: 'user 1' }, (n) => n % 2 === 1],
  [{ owner: 'user 1', course: 'course 1', state: 'open' }, (n) => n % 2 === 1 && n % 3 === 1 && n % 4 !== 0],
  [{ registered_since: '2026-01-01T10:30:00Z', course: 'course 0' }, (n) => n >= 33 && n % 3 === 0],
  [{ owner: 'nobody' }, () => false],
])('%j gives those and no other', async (query, condition) => {
  expect(idsOf(await all(query))).toEqual(numbers(condition));
});

test('a search gives those that begin so, in order of their ids, and takes nothing for a pattern', async () => {
  const tens = numbers((n) => n >= 20 && n < 30).sort();
  expect(idsOf(await all({ q: 'b02' }, 3))).toEqual(tens);
  expect(idsOf(await all({ q: 'b02', state: 'complete' }))).toEqual(['b020', 'b024', 'b028']);
  expect(idsOf(await all({ q: 'x_%' }))).toEqual(['x_% early']);
  expect(await all({ q: '%' })).toEqual([]);
});

test('a search goes on behind a thousand ids that were not wanted', async () => {
  await fixture.sql(
    `insert into batches (id, state) select 'many-' || n, 'announced' from generate_series(10000, 12499) n`,
  );
  await fixture.sql(`insert into batches (id, state) values ('many-99999 last', 'announced')`);
  await fixture.sql(
    `update batches set state = 'open', expected_count = 1, open_slots = 1, registration_digest = 'd', registered_at = now()
     where id = 'many-99999 last'`,
  );
  expect(idsOf(await all({ q: 'many-', state: 'open' }))).toEqual(['many-99999 last']);
});

test('what is wrongly asked is 400 and names the parameter', async () => {
  const wrong = [
    ['limit', 'limit=0'],
    ['limit', 'limit=201'],
    ['state', 'state=closed'],
    ['state', 'state=open&state=complete'],
    ['registered_since', 'registered_since=yesterday'],
    ['registered_since', 'registered_since=2026-13-01'],
    ['owner', 'owner=%00'],
    ['after', 'after=x'],
    ['after', `after=${Buffer.from('["-infinity","b"]').toString('base64url')}`],
    ['after', `q=b&after=${Buffer.from('["2026-01-01T00:00:00.000000Z","b"]').toString('base64url')}`],
    ['query', 'curse=1'],
  ];
  for (const [name = '', query] of wrong) {
    const { status, text } = await gateway.get(`/v1/batches?${query}`);
    expect([query, status, text]).toEqual([query, 400, expect.stringContaining(`${name} `)]);
  }
});
