/** Positions that the log does not hold: records deleted before they were read, and topics that were made anew. */
import { KafkaTopicAdmin } from '../../src/kafka/topic-admin.ts';
import { counted } from '../support/servers/open-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { KafkaFixture, numbered, RecordingListener } from './kafka-fixture.ts';

const DEADLINE_MS = 30_000;
jest.setTimeout(90_000);

let fixture: KafkaFixture;
let topic: string;

beforeEach(async () => {
  fixture = new KafkaFixture();
  topic = fixture.topics.content;
  await fixture.open({ inboundPartitions: 1 });
});
afterEach(() => fixture.close());

const until = (what: string, isTrue: () => boolean) => waitFor(isTrue, { deadlineMs: DEADLINE_MS, what });
const deletedUnread = () => counted(fixture.metrics.recordsDeletedUnread);
const write = (values: readonly string[], to = topic) => fixture.write({ topic: to, partition: 0, values });
const deleteTopic = (name: string) => fixture.withAdmin((admin) => admin.deleteTopics({ topics: [name] }));
const makeTopics = () =>
  new KafkaTopicAdmin({ kafka: fixture.kafka }).ensureTopics({ topics: fixture.topics, inboundPartitions: 1 });

async function started(listener: RecordingListener, options = {}) {
  const source = fixture.source(options);
  await source.start(listener);
  return source;
}

test('records deleted while nobody was there are counted, and the rest is read', async () => {
  await write(numbered(20));
  const first = new RecordingListener();
  const source = await started(first);
  await until('20 records', () => first.received.length === 20);
  await source.commit(first.epoch, [{ topic, partition: 0, offsetNext: 5 }]);
  await source.stop();
  await fixture.deleteRecordsBefore({ topic, partition: 0, offset: 10 });

  const second = new RecordingListener();
  const successor = await started(second);
  await until('the rest', () => second.received.length === 10);
  expect(second.values).toEqual(numbered(20).slice(10));
  expect(await deletedUnread()).toBe(5);
  expect(second.crashes).toEqual([]);
  await successor.commit(second.epoch, [{ topic, partition: 0, offsetNext: 20 }]);
  await successor.stop();

  const third = new RecordingListener();
  await started(third);
  await until('its positions', () => third.assignments.length > 0);
  expect(await deletedUnread()).toBe(5);
});

test('records deleted under a paused partition are counted, and what was read of it before still counts', async () => {
  await write(numbered(10));
  const listener = new RecordingListener();
  const source = await started(listener);
  await until('10 records', () => listener.received.length === 10);
  source.pause({ topic, partition: 0 });
  await write(numbered(10, 'deleted'));
  await fixture.deleteRecordsBefore({ topic, partition: 0, offset: 20 });
  await write(numbered(5, 'left'));
  source.resume({ topic, partition: 0 });
  await until('what is left', () => listener.received.length === 15);
  expect(listener.values.slice(10)).toEqual(numbered(5, 'left'));
  expect(await deletedUnread()).toBe(10);
  // Still the same epoch: the ten records of before are resolved as ever.
  await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 25 }]);
  expect(await fixture.committed(topic, 0)).toBe(25);
  expect(listener.assignments).toHaveLength(1);
});

test('a topic that goes and comes back is read from its beginning, and the others go on all the while', async () => {
  const other = fixture.topics.registration;
  await write(numbered(10));
  const listener = new RecordingListener();
  const source = await started(listener, { topics: [topic, other] });
  await until('10 records', () => listener.received.length === 10);
  await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 10 }]);

  await deleteTopic(topic);
  for (let round = 0; round < 3; round += 1) {
    await write([`other ${round}`], other);
    await until('the other topic', () => listener.values.includes(`other ${round}`));
  }
  await until('an epoch without it', () => listener.assignments.at(-1)?.partitions.length === 1);

  await makeTopics();
  await write(numbered(30, 'new'));
  await until('all that is new', () => listener.values.filter((value) => value.startsWith('new')).length >= 30);
  expect(listener.values.filter((value) => value.startsWith('new'))).toEqual(numbered(30, 'new'));
  await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 30 }]);
  expect(await fixture.committed(topic, 0)).toBe(30);
  expect(listener.crashes).toEqual([]);
});

test('its only topic may go and come back', async () => {
  await write(numbered(10));
  const listener = new RecordingListener();
  await started(listener);
  await until('10 records', () => listener.received.length === 10);
  await deleteTopic(topic);
  await until('an epoch without it', () => listener.assignments.at(-1)?.partitions.length === 0);
  await makeTopics();
  await write(numbered(3, 'new'));
  await until('what is new', () => listener.received.length >= 13);
  expect(listener.values.slice(10)).toEqual(numbered(3, 'new'));
  expect(listener.crashes).toEqual([]);
});

test('a log that ends before the position is another one and read from its beginning', async () => {
  await write(numbered(10));
  const listener = new RecordingListener();
  const first = await started(listener);
  await until('10 records', () => listener.received.length === 10);
  await first.stop();
  // As when a cluster was restored from a copy that was behind.
  await fixture.withAdmin((admin) =>
    admin.setOffsets({ groupId: fixture.groupId, topic, partitions: [{ partition: 0, offset: '50' }] }),
  );
  fixture.progress.rows.clear();

  const second = new RecordingListener();
  const source = await started(second);
  await until('all of it', () => second.received.length === 10);
  expect(second.values).toEqual(numbered(10));
  expect(second.crashes).toEqual([]);
  await source.commit(second.epoch, [{ topic, partition: 0, offsetNext: 10 }]);
  expect(await fixture.committed(topic, 0)).toBe(10);
});
