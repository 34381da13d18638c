/** Where an epoch begins, when Kafka, the database and the membership disagree. The database is a map here. */
import { waitFor } from '../support/wait-for.ts';
import { unavailable } from '../support/worker/memory-record-source.ts';
import { KafkaFixture, numbered, RecordingListener } from './kafka-fixture.ts';

const DEADLINE_MS = 30_000;
jest.setTimeout(90_000);

let fixture: KafkaFixture;
let topic: string;

beforeEach(async () => {
  fixture = new KafkaFixture();
  topic = fixture.topics.content;
  await fixture.open({ inboundPartitions: 1 });
  await fixture.write({ topic, partition: 0, values: numbered(20) });
});
afterEach(() => fixture.close());

const until = (what: string, isTrue: () => boolean) => waitFor(isTrue, { deadlineMs: DEADLINE_MS, what });
const row = () => fixture.progress.rows.get(`${topic}/0`);
const offsetsOf = (listener: RecordingListener) => listener.received.map(({ record }) => record.offset);

async function started(listener: RecordingListener, options = {}) {
  const source = fixture.source(options);
  await source.start(listener);
  return source;
}

/** Reads all and commits as far as `offsetNext`. */
async function committedAt(offsetNext: number): Promise<void> {
  const listener = new RecordingListener();
  const source = await started(listener);
  await until('20 records', () => listener.received.length === 20);
  await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext }]);
  expect(row()?.offsetNext).toBe(offsetNext);
  await source.stop();
}

test('a database that is behind Kafka is given again what it lost', async () => {
  await committedAt(15);
  Object.assign(row() ?? {}, { offsetNext: 8 });
  const listener = new RecordingListener();
  await started(listener);
  await until('what it lost', () => listener.received.length === 12);
  expect(listener.assignments[0]?.partitions).toEqual([{ topic, partition: 0, offsetNext: 8 }]);
  expect(offsetsOf(listener)[0]).toBe(8);
});

test('an operator sets the group back and it reads again, without a group from the beginning', async () => {
  await committedAt(15);
  await fixture.withAdmin((admin) =>
    admin.setOffsets({ groupId: fixture.groupId, topic, partitions: [{ partition: 0, offset: '3' }] }),
  );
  const listener = new RecordingListener();
  const source = await started(listener);
  await until('17 records', () => listener.received.length === 17);
  expect(offsetsOf(listener)[0]).toBe(3);
  await source.stop();
  await fixture.withAdmin((admin) => admin.deleteGroups([fixture.groupId]));
  const next = new RecordingListener();
  await started(next);
  await until('20 records', () => next.received.length === 20);
});

test('while the database does not say where to begin nothing is handed over and the membership is kept', async () => {
  let open = () => {};
  const hung = new Promise<void>((resolve) => {
    open = resolve;
  });
  let askCount = 0;
  fixture.progress.beginning = async () => {
    askCount += 1;
    if (askCount <= 3) throw unavailable();
    await hung;
  };
  const listener = new RecordingListener();
  await started(listener, { sessionTimeoutMs: 6000 });
  await until('asked again', () => askCount === 4);
  const joinedAtMs = performance.now();
  await until('longer than a session', () => performance.now() - joinedAtMs > 9000);
  expect(listener.received).toEqual([]);
  const { groups } = await fixture.withAdmin((admin) => admin.describeGroups([fixture.groupId]));
  expect(groups[0]?.members).toHaveLength(1);
  expect(groups[0]?.state).toBe('Stable');
  open();
  await until('the records', () => listener.received.length === 20);
  expect(listener.assignments).toHaveLength(1);
});

test('stopping does not wait for a database that hangs', async () => {
  fixture.progress.beginning = () => new Promise(() => {});
  const source = await started(new RecordingListener());
  await until('asked', () => fixture.progress.beginCallCount > 0);
  const startedAtMs = performance.now();
  await source.stop();
  expect(performance.now() - startedAtMs).toBeLessThan(5000);
});

test('a database that lost what it had acknowledged is given it again by a running member', async () => {
  const listener = new RecordingListener();
  const source = await started(listener);
  await until('20 records', () => listener.received.length === 20);
  await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 10 }]);
  Object.assign(row() ?? {}, { offsetNext: 6 });
  const { epoch } = listener;
  await source.commit(epoch, [{ topic, partition: 0, offsetNext: 20 }]);
  expect(listener.revocations).toEqual([epoch]);
  await until('again from there', () => listener.received.length === 34);
  expect(offsetsOf(listener)[20]).toBe(6);
  expect(await fixture.committed(topic, 0)).toBe(10);
});

test('Kafka is not told what the database does not have', async () => {
  const listener = new RecordingListener();
  const source = await started(listener);
  await until('20 records', () => listener.received.length === 20);
  const advance = fixture.progress.advance.bind(fixture.progress);
  fixture.progress.advance = () => Promise.reject(unavailable());
  await expect(source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 20 }])).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  expect(await fixture.committed(topic, 0)).toBe(-1);
  fixture.progress.advance = advance;
  await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 20 }]);
  expect(await fixture.committed(topic, 0)).toBe(20);
});

test('a member whose commit is fenced ends its epoch and joins again', async () => {
  const listener = new RecordingListener();
  const source = await started(listener, { sessionTimeoutMs: 60_000 });
  await until('20 records', () => listener.received.length === 20);
  const { epoch } = listener;
  await fixture.evictMembers();
  expect(listener.revocations).toEqual([]);
  await source.commit(epoch, [{ topic, partition: 0, offsetNext: 20 }]);
  expect(listener.revocations).toEqual([epoch]);
  await until('the records again', () => listener.received.length >= 40);
  await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 20 }]);
  expect(await fixture.committed(topic, 0)).toBe(20);
});
