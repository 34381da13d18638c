import { fetchedOffset } from '../../src/kafka/consumer-cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import { KafkaFixture, numbered, RecordingListener } from './kafka-fixture.ts';

const DEADLINE_MS = 30_000;
jest.setTimeout(90_000);

describe('a member of the consumer group', () => {
  let fixture: KafkaFixture;
  let topic: string;

  beforeEach(async () => {
    fixture = new KafkaFixture();
    topic = fixture.topics.content;
    await fixture.open({ inboundPartitions: 4 });
  });
  afterEach(() => fixture.close());

  const hasReceived = (listener: RecordingListener, count: number) =>
    waitFor(() => listener.received.length >= count, { deadlineMs: DEADLINE_MS, what: `${count} records` });
  const hasReceivedBoth = (one: RecordingListener, other: RecordingListener, count: number) =>
    waitFor(() => one.received.length + other.received.length >= count, {
      deadlineMs: DEADLINE_MS,
      what: `${count} records`,
    });
  const isAssigned = (listener: RecordingListener, partitions: number) =>
    waitFor(() => listener.assignments.at(-1)?.partitions.length === partitions, {
      deadlineMs: DEADLINE_MS,
      what: `${partitions} partitions`,
    });

  test('a new group begins at the start of the log and hears its positions before its records', async () => {
    await fixture.write({ topic, partition: 1, values: numbered(50) });
    const listener = new RecordingListener();
    let assignmentsAtFirstRecord = 0;
    listener.onRecords = () => {
      assignmentsAtFirstRecord ||= listener.assignments.length;
    };
    await fixture.source().start(listener);
    await hasReceived(listener, 50);
    expect(listener.values).toEqual(numbered(50));
    expect(assignmentsAtFirstRecord).toBe(1);
    expect(listener.assignments[0]?.partitions).toHaveLength(4);
    expect(new Set(listener.assignments[0]?.partitions.map(({ offsetNext }) => offsetNext))).toEqual(new Set([0]));
  });

  test('its successor goes on at the committed offset, and stop revokes the epoch', async () => {
    await fixture.write({ topic, partition: 2, values: numbered(30) });
    const first = new RecordingListener();
    const source = fixture.source();
    await source.start(first);
    await hasReceived(first, 30);
    await source.commit(first.epoch, [{ topic, partition: 2, offsetNext: 20 }]);
    await source.stop();
    expect(first.revocations).toEqual([first.epoch]);
    expect(await fixture.committed(topic, 2)).toBe(20);

    const second = new RecordingListener();
    await fixture.source().start(second);
    await hasReceived(second, 10);
    expect(second.values).toEqual(numbered(30).slice(20));
    expect(second.assignments[0]?.partitions).toContainEqual({ topic, partition: 2, offsetNext: 20 });
  });

  test('a commit never moves back and one of a former epoch is dropped', async () => {
    await fixture.write({ topic, partition: 0, values: numbered(10) });
    const listener = new RecordingListener();
    const source = fixture.source();
    await source.start(listener);
    await hasReceived(listener, 10);
    await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 6 }]);
    await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: 3 }]);
    await source.commit(listener.epoch - 1, [{ topic, partition: 0, offsetNext: 9 }]);
    await source.commit(listener.epoch, [{ topic, partition: 99, offsetNext: 9 }]);
    expect(await fixture.committed(topic, 0)).toBe(6);
  });

  test('a paused partition is silent while others go on, and misses nothing when resumed', async () => {
    const listener = new RecordingListener();
    const source = fixture.source();
    await source.start(listener);
    await isAssigned(listener, 4);
    source.pause({ topic, partition: 0 });
    await fixture.write({ topic, partition: 0, values: numbered(5, 'held') });
    await fixture.write({ topic, partition: 1, values: numbered(5, 'free') });
    await hasReceived(listener, 5);
    // Written before those that came, and fetched in the same round: it would be here if it were coming.
    await fixture.write({ topic, partition: 1, values: numbered(5, 'more') });
    await hasReceived(listener, 10);
    expect(listener.values.filter((value) => value.startsWith('held'))).toEqual([]);
    source.resume({ topic, partition: 0 });
    await hasReceived(listener, 15);
    expect(listener.values.filter((value) => value.startsWith('held'))).toEqual(numbered(5, 'held'));
  });

  test('with everything paused longer than the session it is still a member', async () => {
    const listener = new RecordingListener();
    const source = fixture.source({ sessionTimeoutMs: 6_000 });
    await source.start(listener);
    await isAssigned(listener, 4);
    for (let partition = 0; partition < 4; partition += 1) source.pause({ topic, partition });
    const pausedAtMs = Date.now();
    await waitFor(() => Date.now() - pausedAtMs > 8_000, { deadlineMs: 10_000, what: 'more than a session' });
    for (let partition = 0; partition < 4; partition += 1) source.resume({ topic, partition });
    await fixture.write({ topic, partition: 3, values: ['still here'] });
    await hasReceived(listener, 1);
    expect(listener.assignments).toHaveLength(1);
    expect(listener.revocations).toEqual([]);
  });

  test('when a second member joins in mid-flow, no record is lost and no commit of the old epoch lands', async () => {
    for (let partition = 0; partition < 4; partition += 1) {
      await fixture.write({ topic, partition, values: numbered(500, `p${partition}-`) });
    }
    const first = new RecordingListener();
    const firstSource = fixture.source();
    await firstSource.start(first);
    await hasReceived(first, 2_000);
    const oldEpoch = first.epoch;
    await firstSource.commit(oldEpoch, [{ topic, partition: 0, offsetNext: 100 }]);

    const second = new RecordingListener();
    await fixture.source().start(second);
    await waitFor(() => first.epoch > oldEpoch && second.epoch > 0, { deadlineMs: DEADLINE_MS, what: 'rebalance' });
    expect(first.revocations).toContain(oldEpoch);
    await firstSource.commit(
      oldEpoch,
      [0, 1, 2, 3].map((partition) => ({ topic, partition, offsetNext: 500 })),
    );

    const owned = [...(first.assignments.at(-1)?.partitions ?? []), ...(second.assignments.at(-1)?.partitions ?? [])];
    expect(owned.map(({ partition }) => partition).sort()).toEqual([0, 1, 2, 3]);
    // Nothing but 100 records of partition 0 was ever committed, so all others come again, under the new epochs.
    const current = () => [
      ...first.received.filter(({ epoch }) => epoch === first.epoch),
      ...second.received.filter(({ epoch }) => epoch === second.epoch),
    ];
    await waitFor(() => current().length >= 1_900, { deadlineMs: DEADLINE_MS, what: '1900 records again' });
    const again = current().map(({ record }) => `${record.partition}:${record.offset}`);
    expect(new Set(again).size).toBe(1_900);
    expect(again).toHaveLength(1_900);
    expect(await fixture.committed(topic, 0)).toBe(100);
    expect(await fixture.committed(topic, 1)).toBe(-1);
  });

  test('what is committed while an epoch yields is not delivered again, and nothing more comes in it', async () => {
    for (let partition = 0; partition < 4; partition += 1) {
      await fixture.write({ topic, partition, values: numbered(100, `p${partition}-`) });
    }
    const first = new RecordingListener();
    const firstSource = fixture.source();
    let receivedAtYield = 0;
    first.onYielding = async (epoch) => {
      receivedAtYield = first.received.length;
      await fixture.write({ topic, partition: 0, values: ['meanwhile'] });
      await firstSource.commit(
        epoch,
        [0, 1, 2, 3].map((partition) => ({ topic, partition, offsetNext: 100 })),
      );
    };
    await firstSource.start(first);
    await hasReceived(first, 400);
    const oldEpoch = first.epoch;
    const second = new RecordingListener();
    await fixture.source().start(second);
    await waitFor(() => first.epoch > oldEpoch && second.epoch > 0, { deadlineMs: DEADLINE_MS, what: 'rebalance' });
    await hasReceivedBoth(first, second, 401);
    await fixture.write({ topic, partition: 3, values: ['last'] });
    await hasReceivedBoth(first, second, 402);
    expect(receivedAtYield).toBe(400);
    expect(first.received.filter(({ epoch }) => epoch === oldEpoch)).toHaveLength(400);
    expect(first.received.length + second.received.length).toBe(402);
  });

  test('a listener that does not yield in time loses its epoch all the same', async () => {
    const first = new RecordingListener();
    first.onYielding = () => new Promise(() => {});
    await fixture.source({ yieldMsMax: 300 }).start(first);
    await isAssigned(first, 4);
    const second = new RecordingListener();
    await fixture.source().start(second);
    await Promise.all([isAssigned(first, 2), isAssigned(second, 2)]);
    expect(first.revocations).toHaveLength(1);
  });

  test('a new epoch begins with nothing paused', async () => {
    const first = new RecordingListener();
    const source = fixture.source();
    await source.start(first);
    await isAssigned(first, 4);
    for (let partition = 0; partition < 4; partition += 1) source.pause({ topic, partition });
    const second = new RecordingListener();
    await fixture.source().start(second);
    await Promise.all([isAssigned(first, 2), isAssigned(second, 2)]);
    for (let partition = 0; partition < 4; partition += 1) await fixture.write({ topic, partition, values: ['x'] });
    await waitFor(() => first.received.length + second.received.length === 4, {
      deadlineMs: DEADLINE_MS,
      what: 'records of all partitions',
    });
  });

  test('the client tells which offset a batch was fetched from', async () => {
    await fixture.write({ topic, partition: 0, values: numbered(20) });
    const offsets: number[] = [];
    const consumer = fixture.kafka.consumer({ groupId: fixture.groupId, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset }) => {
        offsets.push(fetchedOffset(batch));
        resolveOffset(String(offsets.length === 1 ? 11 : 19));
      },
    });
    await waitFor(() => offsets.length === 2, { deadlineMs: DEADLINE_MS, what: 'two fetches' });
    await consumer.disconnect();
    expect(offsets).toEqual([0, 12]);
  });

  test('without records for a while its fetches wait longer, a record ends that wait, and the next ones are short', async () => {
    const kafka = fixture.newKafka();
    const consumer = kafka.consumer.bind(kafka);
    const fetchesMs: number[] = [];
    kafka.consumer = (options) => {
      const made = consumer(options);
      made.on(made.events.FETCH, ({ payload }) => void fetchesMs.push(payload.duration));
      return made;
    };
    const listener = new RecordingListener();
    await fixture.source({ kafka, maxWaitMs: 50, idleWaitMs: 3_000 }).start(listener);
    await waitFor(() => (fetchesMs.at(-1) ?? 0) >= 2_500, { deadlineMs: DEADLINE_MS, what: 'a fetch that waits long' });
    const shortCount = fetchesMs.length;
    expect(Math.min(...fetchesMs)).toBeLessThan(1_000);
    await fixture.write({ topic, partition: 0, values: ['x'] });
    await hasReceived(listener, 1);
    await waitFor(() => fetchesMs.length >= shortCount + 5, { deadlineMs: DEADLINE_MS, what: 'five fetches more' });
    // The one that the record ended, and those after it.
    expect(Math.max(...fetchesMs.slice(-4))).toBeLessThan(2_500);
  });

  test('rebalances are counted', async () => {
    const listener = new RecordingListener();
    await fixture.source().start(listener);
    await isAssigned(listener, 4);
    expect((await fixture.metrics.rebalances.get()).values[0]?.value).toBe(1);
  });

  test('markers of transactions leave no lag behind', async () => {
    const producer = fixture.kafka.producer({
      transactionalId: `${fixture.prefix}tx`,
      maxInFlightRequests: 1,
      idempotent: true,
      retry: { retries: 20 },
    });
    await producer.connect();
    for (const value of ['one', 'two']) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value, partition: 0 }] });
      await transaction.commit();
    }
    const aborted = await producer.transaction();
    await aborted.send({ topic, messages: [{ value: 'never', partition: 0 }] });
    await aborted.abort();
    await producer.disconnect();

    const listener = new RecordingListener();
    const source = fixture.source();
    await source.start(listener);
    await hasReceived(listener, 2);
    expect(listener.values).toEqual(['one', 'two']);
    const last = listener.received.at(-1)?.record.offset ?? 0;
    await source.commit(listener.epoch, [{ topic, partition: 0, offsetNext: last + 1 }]);
    // Two records, two commit markers, one aborted record, one abort marker.
    await waitFor(async () => (await fixture.committed(topic, 0)) === 6, { deadlineMs: DEADLINE_MS, what: 'no lag' });
  });
});
