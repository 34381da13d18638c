import kafkajs, { type KafkaMessage } from 'kafkajs';
import { createTopic } from '../../distributed/cluster/kafka-client.ts';
import { deadLetterTopic } from '../../src/contract/topics.ts';
import type { InboundRecord, OutboundMessage } from '../../src/domain/ports.ts';
import { AppError } from '../../src/errors.ts';
import { KafkaDeadLetterLog } from '../../src/kafka/dead-letter-log.ts';
import { waitFor } from '../support/wait-for.ts';
import { KafkaFixture, numbered } from './kafka-fixture.ts';

const DEADLINE_MS = 30_000;
jest.setTimeout(90_000);

describe('publishing', () => {
  let fixture: KafkaFixture;
  /** Requests of all producers. */
  let produceCount = 0;

  beforeAll(async () => {
    fixture = new KafkaFixture();
    const producer = fixture.kafka.producer.bind(fixture.kafka);
    fixture.kafka.producer = (options) => {
      const made = producer(options);
      made.on(made.events.REQUEST, ({ payload }) => {
        if (payload.apiName === 'Produce') produceCount += 1;
      });
      return made;
    };
    await fixture.open({ inboundPartitions: 2 });
  });
  afterAll(() => fixture.close());

  /** What lies in a topic but for values left out, read by a plain consumer until `count` records came. */
  const readBack = async (topic: string, count: number, isLeftOut = (_value: string) => false) => {
    const found: { partition: number; message: KafkaMessage }[] = [];
    const consumer = fixture.kafka.consumer({ groupId: `${fixture.prefix}${Math.random()}`, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        if (!isLeftOut(String(message.value))) found.push({ partition, message });
      },
    });
    await waitFor(() => found.length >= count, { deadlineMs: DEADLINE_MS, what: `${count} records in ${topic}` });
    await consumer.disconnect();
    return found;
  };
  /** Looks up a new topic, and makes its producer. Until its leaders are known some fail: what is tried again is there twice. */
  const publishFirst = (messages: readonly OutboundMessage[]) =>
    waitFor(async () => (await fixture.publish(messages)).every((error) => error === null), {
      deadlineMs: DEADLINE_MS,
      what: 'published',
    });
  const isFirst = (value: string): boolean => value.endsWith('first');
  const isShort = (value: string): boolean => value.length < 1_000;
  const message = (key: string, value: string, topic = fixture.topics.slotAssigned): OutboundMessage => ({
    topic,
    key,
    value,
    headers: { event_id: `id of ${value}` },
  });

  test('every message arrives once, in the partition of its key and in order within it', async () => {
    const messages = numbered(1_200).map((value, index) => message(`batch ${index % 40}`, value));
    expect(await fixture.publish(messages)).toEqual(messages.map(() => null));
    const found = await readBack(fixture.topics.slotAssigned, messages.length);
    expect(found).toHaveLength(messages.length);
    const partitionOf = kafkajs.Partitioners.DefaultPartitioner();
    const partitionMetadata = [0, 1, 2].map((partitionId) => ({ partitionId, leader: 0 })) as never;
    for (const { partition, message: record } of found) {
      const key = String(record.key);
      const expected = partitionOf({
        topic: fixture.topics.slotAssigned,
        partitionMetadata,
        message: { key, value: '' },
      });
      expect(partition).toBe(expected);
    }
    for (const key of new Set(messages.map((one) => one.key))) {
      const inOrder = found.filter((one) => String(one.message.key) === key).map((one) => String(one.message.value));
      expect(inOrder).toEqual(messages.filter((one) => one.key === key).map((one) => one.value));
    }
    expect(String(found[0]?.message.headers?.['event_id'])).toBe(`id of ${found[0]?.message.value}`);
  });

  test('a message that is too large is refused for good and takes no neighbour with it', async () => {
    const topic = fixture.topics.excess;
    // Noise: it must stay too large when compressed.
    const noise = Array.from({ length: 1_300_000 }, () => String.fromCharCode(33 + Math.random() * 90)).join('');
    const messages = [message('a', 'small', topic), message('a', noise, topic), message('a', 'behind', topic)];
    const [first, large, behind] = await fixture.publish(messages);
    expect([first, behind]).toEqual([null, null]);
    expect(large).toBeInstanceOf(AppError);
    expect((large as AppError).code).toBe('PUBLISH_REFUSED');
    expect((await readBack(topic, 2)).map((one) => String(one.message.value))).toEqual(['small', 'behind']);
  });

  test('what goes to partitions of one leader at one moment is one request, and what one refuses costs no other', async () => {
    const topic = `${fixture.prefix}together`;
    const configEntries = [{ name: 'max.message.bytes', value: '20000' }];
    await fixture.withAdmin((admin) => createTopic(admin, { topic, numPartitions: 12, configEntries }));
    const keys = numbered(60);
    const all = (round: string) => keys.map((key) => message(key, `${key} ${round}`, topic));
    await publishFirst(all('first'));
    const before = produceCount;
    expect(await fixture.publish(all('second'))).toEqual(keys.map(() => null));
    expect(produceCount - before).toBe(1);
    const third = all('third');
    third[7] = message('r7', 'x'.repeat(30_000), topic);
    const results = await fixture.publish(third);
    expect(results.map((result) => (result as AppError | null)?.code ?? 'ok')).toEqual(
      keys.map((_, index) => (index === 7 ? 'PUBLISH_REFUSED' : 'ok')),
    );
    const later = await readBack(topic, 119, isFirst);
    expect(later.map((one) => String(one.message.value)).sort()).toEqual(
      [...all('second'), ...third]
        .map(({ value }) => value)
        .filter(isShort)
        .sort(),
    );
  });

  test('many messages that only together are too large all arrive', async () => {
    const topic = `${fixture.prefix}narrow`;
    await fixture.withAdmin((admin) =>
      createTopic(admin, {
        topic,
        numPartitions: 1,
        configEntries: [{ name: 'max.message.bytes', value: '20000' }],
      }),
    );
    await publishFirst([message('k', 'first', topic)]);
    const messages = numbered(100).map((value) => message('k', value.padEnd(1_000, '.'), topic));
    messages.splice(50, 0, message('k', 'x'.repeat(30_000), topic));
    const results = await fixture.publish(messages);
    expect(results.map((result) => (result as AppError | null)?.code ?? 'ok')).toEqual(
      messages.map((_, index) => (index === 50 ? 'PUBLISH_REFUSED' : 'ok')),
    );
    expect(await readBack(topic, 100, isFirst)).toHaveLength(100);
  });

  test('a completion of a large batch passes as one compressed message', async () => {
    const topic = fixture.topics.completed;
    const value = JSON.stringify(numbered(10_000, 'essay-0000-0000-0000-').map((id) => ({ essay_id: id, text: id })));
    expect(value.length).toBeGreaterThan(500_000);
    const three = [message('a', value, topic), message('a', value.repeat(3), topic), message('a', 'last', topic)];
    expect(await fixture.publish(three)).toEqual([null, null, null]);
    const found = await readBack(topic, 3);
    expect(found.map((one) => String(one.message.value))).toEqual(three.map((one) => one.value));
  });

  test('an unknown topic is waited for, and messages for others pass', async () => {
    const topic = `${fixture.prefix}nowhere`;
    const results = await fixture.publish([
      message('a', 'early', topic),
      message('a', 'fine', fixture.topics.completed),
    ]);
    expect(results[0]).toMatchObject({ code: 'UNAVAILABLE', reason: 'unknown_topic_or_partition' });
    expect(results[1]).toBeNull();
    await fixture.withAdmin((admin) => createTopic(admin, { topic, numPartitions: 2 }));
    await waitFor(async () => (await fixture.publish([message('a', 'late', topic)]))[0] === null, {
      deadlineMs: DEADLINE_MS,
      what: 'published once the topic is there',
    });
  });

  test('a destination that takes nothing is tried again alone: others go on, and it does when the cause is mended', async () => {
    const topic = `${fixture.prefix}comes-and-goes`;
    const create = () => fixture.withAdmin((admin) => createTopic(admin, { topic, numPartitions: 1 }));
    const send = async (value: string) => (await fixture.publish([message('a', value, topic)]))[0] as AppError | null;
    await create();
    await waitFor(async () => (await send('before')) === null, { deadlineMs: DEADLINE_MS, what: 'published' });
    await fixture.withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
    const failure = await waitFor(async () => (await send('too early')) ?? undefined, {
      deadlineMs: DEADLINE_MS,
      what: 'the topic is gone',
    });
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', reason: 'unknown_topic_or_partition' });
    const others = numbered(50).map((value) => message(value, value, fixture.topics.completed));
    const sick = message('a', 'too early', topic);
    expect((await fixture.publish([sick, ...others])).slice(1).filter((error) => error !== null)).toEqual([]);
    await create();
    await waitFor(async () => (await send('after')) === null, { deadlineMs: DEADLINE_MS, what: 'published again' });
  });

  test('a message whose time the broker does not accept is written without one', async () => {
    const topic = `${fixture.prefix}strict-time`;
    await fixture.withAdmin((admin) =>
      createTopic(admin, {
        topic,
        numPartitions: 1,
        // Whatever time this host says, it is too long ago when it arrives, unless that is within the same millisecond.
        configEntries: [{ name: 'message.timestamp.before.max.ms', value: '0' }],
      }),
    );
    let count = 0;
    const isWrittenWithoutTime = async () => {
      if ((await fixture.publish([message('a', 'odd', topic)]))[0] !== null) return false;
      count += 1;
      return (await readBack(topic, count)).at(-1)?.message.timestamp === '-1';
    };
    await waitFor(isWrittenWithoutTime, { deadlineMs: DEADLINE_MS, what: 'a message without a time' });
  });
});

describe('dead letters', () => {
  let fixture: KafkaFixture;
  const key = Buffer.from([0xff, 0x00, 0x80]);
  const value = Buffer.from([0x7b, 0xc3, 0x28, 0x00]);

  beforeAll(async () => {
    fixture = new KafkaFixture();
    await fixture.open({ inboundPartitions: 2 });
  });
  afterAll(() => fixture.close());

  const recordAt = (offset: number, change: Partial<InboundRecord> = {}): InboundRecord => ({
    topic: fixture.topics.content,
    partition: 1,
    offset,
    timestampMs: 1,
    key,
    value,
    headers: { trace: Buffer.from([0xfe]), twice: [Buffer.from('1'), Buffer.from('2')] },
    ...change,
  });

  test('keep key, value and headers byte for byte and say where the record was and why it is here', async () => {
    await fixture.publisher.publishDeadLetters([
      { record: recordAt(7), reason: 'malformed_json', detail: 'unexpected end', attempts: 2 },
      { record: recordAt(8, { key: null, value: null, headers: {} }), reason: 'invalid_id', detail: '', attempts: 1 },
    ]);
    const log = new KafkaDeadLetterLog({ kafka: fixture.kafka });
    const entries = await log.list({ topic: fixture.topics.content, rowsMax: 10 });
    expect(entries).toMatchObject([
      {
        offset: 0,
        reason: 'malformed_json',
        detail: 'unexpected end',
        originalTopic: fixture.topics.content,
        originalPartition: 1,
        originalOffset: 7,
        attempts: 2,
        firstSeen: '2026-01-02T03:04:05.000Z',
        instance: 'test-1',
        valueBytes: 4,
      },
      { offset: 1, reason: 'invalid_id', key: null, valueBytes: 0 },
    ]);
    const shown = await log.show({ topic: fixture.topics.content, partition: 0, offset: 0 });
    expect(shown?.value).toEqual(value);
    expect(shown?.headers).toMatchObject({
      trace: Buffer.from([0xfe]),
      twice: [Buffer.from('1'), Buffer.from('2')],
      'dlq-topic': Buffer.from(fixture.topics.content),
      'dlq-first-seen': Buffer.from('2026-01-02T03:04:05.000Z'),
    });
    expect(await log.show({ topic: fixture.topics.content, partition: 0, offset: 99 })).toBeUndefined();
    const counted = await fixture.metrics.deadLetters.get();
    expect(counted.values.map((one) => [one.labels.reason, one.value])).toEqual([
      ['malformed_json', 1],
      ['invalid_id', 1],
    ]);
  });

  test('are replayed with their original bytes, chosen by reason or offset, and stay where they are', async () => {
    const topic = fixture.topics.failure;
    const record = recordAt(3, { topic });
    await fixture.publisher.publishDeadLetters([
      { record, reason: 'too_deep', detail: 'one', attempts: 1 },
      { record, reason: 'invalid_id', detail: 'two', attempts: 1 },
      { record, reason: 'too_deep', detail: 'three', attempts: 1 },
      { record, reason: 'undecodable_batch', detail: 'four', attempts: 1 },
    ]);
    const log = new KafkaDeadLetterLog({ kafka: fixture.kafka });
    const options = {
      topic,
      recordsPerSecond: 1_000,
      choose: () => true,
      isRefused: ({ reason }: { reason: string }) => reason === 'invalid_id',
    };
    const none = { matched: 4, replayed: 0, skipped: 1, before: 0, refused: 1 };
    expect(await log.replay({ ...options, dryRun: true })).toEqual(none);
    const choose = ({ offset }: { offset: number }) => offset === 2;
    const one = { matched: 1, replayed: 1, skipped: 0, before: 0, refused: 0 };
    expect(await log.replay({ ...options, choose })).toEqual(one);
    expect(await log.replay({ ...options, choose })).toEqual({ ...one, replayed: 0, before: 1 });
    expect(await log.replay({ ...options, dryRun: true })).toEqual({ ...none, before: 1 });
    const forced = { ...none, refused: 0 };
    expect(await log.replay({ ...options, dryRun: true, force: true })).toEqual(forced);
    const highs = await fixture.withAdmin((admin) => admin.fetchTopicOffsets(topic));
    expect(highs.reduce((sum, { high }) => sum + Number(high), 0)).toBe(1);

    const found: KafkaMessage[] = [];
    const consumer = fixture.kafka.consumer({ groupId: `${fixture.prefix}replayed`, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        found.push(message);
      },
    });
    await waitFor(() => found.length === 1, { deadlineMs: DEADLINE_MS, what: 'the replayed record' });
    await consumer.disconnect();
    expect(found[0]?.key).toEqual(key);
    expect(found[0]?.value).toEqual(value);
    expect(Object.keys(found[0]?.headers ?? {}).sort()).toEqual(['replayed-from', 'trace', 'twice']);
    expect(String(found[0]?.headers?.['replayed-from'])).toBe(`${deadLetterTopic(topic)}/0/2`);
    expect(await log.list({ topic, rowsMax: 2 })).toMatchObject([{ detail: 'three' }, { detail: 'four' }]);
    expect(await log.list({ topic, rowsMax: 10 })).toHaveLength(4);
  });
});
