/** Pages of a batch from a gateway process: together they are the batch, each item once, at a cost that is the batch's. */
import { PAGE_SLOTS } from '../../../src/postgres/sql/page-slots.ts';
import { WorkerFixture } from '../../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../../support/worker/worker-program.ts';

jest.setTimeout(120_000);

const SLOTS = 250;

let fixture: WorkerFixture;
let gateway: WorkerProgram;

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 1 });
  for (const batchId of ['asked', 'other']) {
    await fixture.sql(
      `insert into batches (id, state, expected_count, open_slots, filled_count, failed_count, registration_digest, registered_at)
       values ($1, 'open', $2, $2, 0, 0, 'd', now())`,
      [batchId, SLOTS],
    );
    await fixture.sql(
      `insert into slots (essay_id, batch_id, position) select $1 || n, $1, n from generate_series(0, $2 - 1) n`,
      [batchId, SLOTS],
    );
    await fixture.sql(
      `insert into excess_contents (batch_id, text_storage_id, file_upload_id, original_file_name, correlation_id)
       select $1, 'text ' || n, 'u' || n, 'f', 'c' from generate_series(1, 12) n`,
      [batchId],
    );
    await fixture.sql(
      `insert into failures (batch_id, file_upload_id, original_file_name, error_code, error_message, correlation_id)
       select $1, 'ü/' || n, 'f', 'EMPTY', 'm', 'c' from generate_series(1, 12) n`,
      [batchId],
    );
  }
  gateway = await fixture.launchReady('gateway', { program: 'src/bin/gateway.ts' });
});

afterAll(() => fixture.close());

async function all(name: string, limit: number): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const { status, json } = await gateway.get(
      `/v1/batches/asked/${name}?limit=${limit}&after=${encodeURIComponent(next)}`,
    );
    expect(status).toBe(200);
    const page = json() as Record<string, Record<string, unknown>[]> & { next: string | null };
    found.push(...(page[name] ?? []));
    next = page.next;
  }
  return found;
}

test('slots come in order of position, each once, and of no other batch', async () => {
  const slots = await all('slots', 100);
  expect(slots.map(({ position }) => position)).toEqual(Array.from({ length: SLOTS }, (_, index) => index));
  expect(slots.map(({ essay_id }) => essay_id)).toEqual(slots.map(({ position }) => `asked${position}`));
});

test.each([
  ['excess', 'text_storage_id'],
  ['failures', 'file_upload_id'],
])('%s come each once, whatever characters are in their ids', async (name, id) => {
  const items = await all(name, 5);
  expect(new Set(items.map((item) => item[id])).size).toBe(12);
  expect(items).toHaveLength(12);
});

test('what is not there is 404, what is wrongly asked for 400', async () => {
  expect((await gateway.get('/v1/batches/nobody/slots')).status).toBe(404);
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'limit=1&limit=2', 'after=x', 'after=%00']) {
    expect([query, (await gateway.get(`/v1/batches/asked/slots?${query}`)).status]).toEqual([query, 400]);
  }
});

test('a page of slots walks the index of its batch, however large the table is', async () => {
  await fixture.sql(
    `insert into slots (essay_id, batch_id, position)
     select 'of others ' || n, 'others ' || n % 100, n / 100 from generate_series(0, 19999) n`,
  );
  await fixture.sql('analyze slots');
  const statement = PAGE_SLOTS.replaceAll('$1', "'asked'").replaceAll('$2', '-1').replaceAll('$3', '100');
  const plan = await fixture.sql<{ 'QUERY PLAN': string }>(`explain ${statement}`);
  const text = plan.map((row) => row['QUERY PLAN']).join('\n');
  expect(text).toContain('slots_by_status');
  expect(text).not.toContain('Seq Scan');
});
