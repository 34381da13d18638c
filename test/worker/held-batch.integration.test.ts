/**
 * Somebody holds the row of one batch: everything else goes on as if nobody did, and that batch as soon as they let go.
 */
import { Client } from 'pg';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

jest.setTimeout(90_000);

const BATCHES = 60;
const SLOTS = 10;

let fixture: WorkerFixture;
let holder: Client;

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 3 });
  holder = new Client({ connectionString: fixture.databaseUrl });
  await holder.connect();
});

afterAll(async () => {
  await holder?.end();
  await fixture?.close();
});

const CASES = [
  {
    what: 'the row of a registered batch',
    held: 'registered',
    hold: `select 1 from batches where id = 'registered' for update`,
    after: `slots where batch_id = 'registered' and status = 'filled'`,
  },
  {
    what: 'every slot of a batch',
    held: 'slots',
    hold: `select 1 from slots where batch_id = 'slots' for update`,
    after: `slots where batch_id = 'slots' and status = 'filled'`,
  },
  {
    what: 'the row of a batch that is not committed yet',
    held: 'early',
    hold: `insert into batches (id, state) values ('early', 'announced')`,
    after: `pending_inputs where batch_id = 'early'`,
  },
];

test.each(CASES)('while somebody holds $what, all others complete', async ({ held, hold, after }) => {
  const worker = await fixture.launchReady(`beside-${held}`);
  const { inputs } = fixture;
  if (held !== 'early') {
    await fixture.send([inputs.registration(held, SLOTS)]);
    await waitFor(async () => (await fixture.count(`batches where id = '${held}' and state = 'open'`)) === 1, {
      deadlineMs: 20_000,
      what: 'the batch is registered',
    });
  }
  await holder.query('begin');
  await holder.query(hold);
  const others = Array.from({ length: BATCHES }, (_, index) => `beside-${held}-${index}`);
  await fixture.send([
    ...inputs.contents(held, SLOTS),
    ...others.flatMap((name) => [inputs.registration(name, SLOTS), ...inputs.contents(name, SLOTS)]),
  ]);
  const isComplete = `batches where id like 'beside-${held}-%' and state = 'complete'`;
  await waitFor(async () => (await fixture.count(isComplete)) === BATCHES, { deadlineMs: 30_000, what: 'all others' });
  expect(await fixture.count(after)).toBe(0);
  // What was placed was answered, too: nothing came a second time.
  expect((await worker.get('/metrics')).text).not.toMatch(/^els_inputs_total\{.*disposition="duplicate".*\} [1-9]/m);
  await holder.query('rollback');
  await waitFor(async () => (await fixture.count(after)) === SLOTS, { deadlineMs: 20_000, what: 'the held one, too' });
  expect((await worker.stop()).code).toBe(0);
});
