import { createTopic } from '../../distributed/cluster/kafka-client.ts';
import { deadLetterTopic } from '../../src/contract/topics.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { KafkaLagReader } from '../../src/kafka/lag-reader.ts';
import { KafkaTopicAdmin } from '../../src/kafka/topic-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { KafkaFixture, log, numbered, RecordingListener } from './kafka-fixture.ts';

jest.setTimeout(60_000);

describe('topics', () => {
  const fixture = new KafkaFixture();
  const admin = new KafkaTopicAdmin({ kafka: fixture.kafka });
  const check = { topics: fixture.topics, inboundPartitionsMin: 5, slotsMax: 10_000 };

  test('that are missing are problems, then created, then found; too few partitions are reported and kept', async () => {
    expect(await admin.checkTopics(check)).toHaveLength(9);
    const created = await admin.ensureTopics({ topics: fixture.topics });
    expect(created.map(({ outcome }) => outcome)).toEqual(Array(9).fill('created'));
    const partitions = new Map(created.map((one) => [one.topic, one.partitions]));
    expect(partitions.get(fixture.topics.content)).toBe(15);
    expect(partitions.get(fixture.topics.completed)).toBe(3);
    expect(partitions.get(deadLetterTopic(fixture.topics.content))).toBe(1);
    expect(await admin.checkTopics(check)).toEqual([]);

    const again = await admin.ensureTopics({ topics: fixture.topics, inboundPartitions: 20 });
    expect(again.filter(({ outcome }) => outcome === 'too_few_partitions').map(({ topic }) => topic)).toEqual([
      fixture.topics.registration,
      fixture.topics.content,
      fixture.topics.failure,
    ]);
    expect(again.find(({ topic }) => topic === fixture.topics.content)?.partitions).toBe(15);
  });

  test('that cannot hold what the worker needs are problems', async () => {
    await admin.ensureTopics({ topics: fixture.topics });
    expect(await admin.checkTopics({ ...check, inboundPartitionsMin: 16 })).toEqual([
      expect.stringContaining('has 15 partitions, 16 are needed'),
      expect.stringContaining('has 15 partitions, 16 are needed'),
      expect.stringContaining('has 15 partitions, 16 are needed'),
    ]);
    expect(await admin.checkTopics({ ...check, slotsMax: 100_000 })).toEqual([
      expect.stringContaining('max.message.bytes'),
    ]);
  });

  test('a dead-letter topic that would refuse the largest record of its topic is a problem', async () => {
    const other = new KafkaFixture();
    const letters = deadLetterTopic(other.topics.content);
    await other.withAdmin((raw) => createTopic(raw, { topic: letters }));
    await admin.ensureTopics({ topics: other.topics });
    expect(await admin.checkTopics({ ...check, topics: other.topics })).toEqual([
      expect.stringContaining(`topic ${letters} takes messages of`),
    ]);
  });

  test.each(['gzip', 'snappy', 'lz4', 'zstd'])('that brokers recompress with %s are read', async (codec) => {
    const other = new KafkaFixture();
    const topic = other.topics.content;
    await other.withAdmin((raw) =>
      createTopic(raw, { topic, configEntries: [{ name: 'compression.type', value: codec }] }),
    );
    await admin.ensureTopics({ topics: other.topics });
    expect(await admin.checkTopics({ ...check, topics: other.topics, inboundPartitionsMin: 1 })).toEqual([]);
    const listener = new RecordingListener();
    try {
      await other.write({ topic, partition: 0, values: numbered(500) });
      await other.source().start(listener);
      await waitFor(() => listener.received.length >= 500, { deadlineMs: 20_000, what: 'all records' });
      expect(listener.values).toEqual(numbered(500));
    } finally {
      await other.close();
    }
  });
});

describe('lag', () => {
  test('counts from the committed offset, or from the start of the log where nothing was committed', async () => {
    const fixture = new KafkaFixture();
    const topic = fixture.topics.content;
    await fixture.open({ inboundPartitions: 2 });
    const { kafka, groupId } = fixture;
    const reader = new KafkaLagReader({ kafka, groupId, topics: [topic], log });
    try {
      await fixture.write({ topic, partition: 0, values: numbered(10) });
      await fixture.write({ topic, partition: 1, values: numbered(6) });
      await fixture.deleteRecordsBefore({ topic, partition: 1, offset: 2 });
      expect(await reader.read()).toEqual([
        { topic, partition: 0, lag: 10 },
        { topic, partition: 1, lag: 4 },
      ]);
      const listener = new RecordingListener();
      const source = fixture.source();
      await source.start(listener);
      await waitFor(() => listener.received.length === 14, { deadlineMs: 20_000, what: 'all records' });
      await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 7 }]);
      const [both] = await Promise.all([reader.read(), reader.read()]);
      expect(both).toEqual([
        { topic, partition: 0, lag: 3 },
        { topic, partition: 1, lag: 4 },
      ]);
    } finally {
      await reader.disconnect();
      await fixture.close();
    }
  });

  test('is -1 while the brokers do not answer', async () => {
    const kafka = createKafka({
      brokers: ['127.0.0.1:1'],
      clientId: 'test',
      log,
      connectionTimeoutMs: 200,
      reconnectMsMax: 0,
    });
    const reader = new KafkaLagReader({ kafka, groupId: 'g', topics: ['t'], log });
    expect(await reader.read()).toEqual([{ topic: 't', partition: 0, lag: -1 }]);
    await reader.disconnect();
  });
});
