/**
 * Workers that begin where Kafka and the database disagree: after a failover that lost transactions, after an operator's
 * rewind, in topics that were made anew; and workers that were killed with and without records in hand.
 */
import { KafkaTopicAdmin } from '../../src/kafka/topic-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker/worker-program.ts';

jest.setTimeout(120_000);

const PARTITIONS = 5;
const BATCHES = 12;
const SLOTS = 20;
const WITH_FAULTS = 'test/support/worker/worker-with-faults.ts';

let fixture: WorkerFixture;

beforeEach(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: PARTITIONS });
});
afterEach(() => fixture?.close());

/** Keyed by text, so that every batch lies in every partition. */
function load(name: string) {
  const { inputs } = fixture;
  const batches = Array.from({ length: BATCHES }, (_, index) => `${name}${index}`);
  return batches.flatMap((batch) => [inputs.registration(batch, SLOTS), ...inputs.contents(batch, SLOTS)]);
}

async function deleteContents(): Promise<void> {
  const admin = fixture.kafka.admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [fixture.topics.content] });
  await admin.disconnect();
}

/** The deletion of the former one may still be going on. */
async function makeContentsAnew(): Promise<void> {
  const { kafka, topics } = fixture;
  const make = () => new KafkaTopicAdmin({ kafka }).ensureTopics({ topics, inboundPartitions: PARTITIONS });
  await waitFor(
    () =>
      make()
        .then(() => true)
        .catch(() => false),
    { deadlineMs: 20_000, what: 'the topic again' },
  );
}

async function expectAllPlaced(name: string): Promise<void> {
  const like = `like '${name}%'`;
  expect(await fixture.count(`slots where batch_id ${like} and status = 'filled'`)).toBe(BATCHES * SLOTS);
  expect(await fixture.count(`batches where id ${like} and state = 'complete'`)).toBe(BATCHES);
  const completed = await fixture.events(fixture.topics.completed);
  const ids = completed.filter(({ data }) => String(data['batch_id']).startsWith(name)).map(({ event_id }) => event_id);
  expect(new Set(ids).size).toBe(BATCHES);
}

/** As a standby has it that did not receive the last transactions: the work is gone, and the positions that passed it. */
async function loseSince(
  positions: readonly { topic: string; partition: number; offset_next: string }[],
  like: string,
) {
  for (const table of ['slots', 'pending_inputs', 'excess_contents', 'failures']) {
    await fixture.sql(`delete from ${table} where batch_id like $1`, [like]);
  }
  await fixture.sql('delete from batches where id like $1', [like]);
  for (const { topic, partition, offset_next } of positions) {
    await fixture.sql('update partition_progress set offset_next = $3 where topic = $1 and partition = $2', [
      topic,
      partition,
      offset_next,
    ]);
  }
}

const positions = () =>
  fixture.sql<{ topic: string; partition: number; offset_next: string }>(
    'select topic, partition, offset_next from partition_progress',
  );
const marked = () => fixture.count('partition_progress where marked_by is not null');
const statements = async (worker: WorkerProgram, name: string) => {
  const { text } = await worker.get('/metrics');
  const line = `els_database_statement_duration_seconds_count{statement="${name}"}`;
  return Number(
    text
      .split('\n')
      .find((one) => one.startsWith(line))
      ?.slice(line.length) ?? 0,
  );
};

test('a database that lost its last transactions is given them again, and nothing is placed twice', async () => {
  const first = await fixture.launchReady('before');
  await fixture.send(load('kept'));
  await fixture.settled();
  const standby = await positions();
  await fixture.send(load('lost'));
  await fixture.settled();
  expect((await first.stop()).code).toBe(0);
  await loseSince(standby, 'lost%');

  const second = await fixture.launchReady('after');
  await waitFor(async () => (await fixture.count(`batches where state = 'complete'`)) === 2 * BATCHES, {
    deadlineMs: 30_000,
    what: 'what was lost',
  });
  await fixture.settled();
  await expectAllPlaced('kept');
  await expectAllPlaced('lost');
  expect(second.hasEnded).toBe(false);
});

test('an operator sets the group back, and everything is a duplicate', async () => {
  const first = await fixture.launchReady('before');
  await fixture.send(load('b'));
  await fixture.settled();
  const before = await fixture.digest();
  expect((await first.stop()).code).toBe(0);
  await fixture.rewind();

  const second = await fixture.launchReady('after');
  const sent = BATCHES * (SLOTS + 1);
  await waitFor(async () => (await second.metric('els_inputs_total')) === sent, {
    deadlineMs: 30_000,
    what: 'all again',
  });
  await fixture.settled();
  expect(await fixture.digest()).toBe(before);
});

test('a topic that was made anew is read from its beginning, though the database knows a position', async () => {
  const first = await fixture.launchReady('before');
  await fixture.send(load('old'));
  await fixture.settled();
  expect((await first.stop()).code).toBe(0);
  await deleteContents();
  await makeContentsAnew();
  await fixture.send(load('new'));
  const second = await fixture.launchReady('after');
  await fixture.settled();
  await expectAllPlaced('new');
  expect(second.hasEnded).toBe(false);
});

test('a topic may go and come back under a running worker, which goes on with the others', async () => {
  const worker = await fixture.launchReady('worker', { env: { SILENT_MS_MAX: '10000' } });
  await fixture.send(load('old'));
  await fixture.settled();
  await deleteContents();
  await fixture.send(Array.from({ length: 40 }, (_, index) => fixture.inputs.registration(`meanwhile${index}`, 1)));
  await waitFor(async () => (await fixture.count(`batches where id like 'meanwhile%'`)) === 40, {
    deadlineMs: 20_000,
    what: 'the registrations',
  });
  await makeContentsAnew();
  await fixture.send(load('new'));
  await waitFor(async () => (await fixture.count(`batches where id like 'new%' and state = 'complete'`)) === BATCHES, {
    deadlineMs: 30_000,
    what: 'what is new',
  });
  await fixture.settled();
  await expectAllPlaced('new');
  expect(worker.hasEnded).toBe(false);
  expect((await worker.stop()).code).toBe(0);
});

test('a worker killed while idle costs its successor nothing', async () => {
  const idle = await fixture.launchReady('idle');
  await fixture.send(load('first'));
  await fixture.settled();
  expect(await marked()).toBe(0);
  await idle.end();
  await fixture.send(load('second'));
  const next = await fixture.launchReady('next', { program: WITH_FAULTS });
  await fixture.settled();
  await expectAllPlaced('second');
  expect(await statements(next, 'mark-record')).toBe(0);
  expect(next.logLines().filter(({ msg }) => String(msg).includes('one by one'))).toEqual([]);
  expect((await next.stop()).code).toBe(0);
  expect(await marked()).toBe(0);
});

test('of a worker killed at work exactly what it had in hand is handled one by one, and said in one line', async () => {
  const doomed = await fixture.launchReady('doomed', {
    program: WITH_FAULTS,
    env: { GROUP_SIZE_MAX: '10', ELS_TEST_HANDLE_DELAY_MS: '60000', GROUPS_IN_FLIGHT_MAX: '2' },
  });
  await fixture.send(load('b'));
  await waitFor(async () => (await marked()) > 0, { deadlineMs: 20_000, what: 'something in hand' });
  await waitFor(async () => (await statements(doomed, 'mark-stretches')) >= 2, {
    deadlineMs: 20_000,
    what: 'both groups',
  });
  await doomed.end();
  const [row] = await fixture.sql<{ count: number }>(
    'select sum(marked_to - marked_from)::int as count from partition_progress',
  );
  const inHand = row?.count ?? 0;
  expect(inHand).toBeGreaterThan(0);
  expect(inHand).toBeLessThanOrEqual(20);
  const next = await fixture.launchReady('next', { program: WITH_FAULTS });
  await fixture.settled();
  await expectAllPlaced('b');
  expect(await statements(next, 'mark-record')).toBeLessThanOrEqual(inHand);
  expect(next.logLines().filter(({ msg }) => String(msg).includes('one by one'))).toHaveLength(1);
});
