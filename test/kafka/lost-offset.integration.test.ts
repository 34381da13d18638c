import { type AppError, describeError } from '../../src/errors.ts';
import { waitFor } from '../support/wait-for.ts';
import { KafkaFixture, numbered, RecordingListener } from './kafka-fixture.ts';

const DEADLINE_MS = 30_000;
jest.setTimeout(60_000);

test('a committed offset that has left the log is an alarm and nothing is skipped', async () => {
  const fixture = new KafkaFixture();
  const topic = fixture.topics.content;
  await fixture.open({ inboundPartitions: 1 });
  try {
    await fixture.write({ topic, partition: 0, values: numbered(20) });
    const first = new RecordingListener();
    const source = fixture.source();
    await source.start(first);
    await waitFor(() => first.received.length === 20, { deadlineMs: DEADLINE_MS, what: '20 records' });
    await source.commit(first.epoch, [{ topic, partition: 0, offsetNext: 5 }]);
    await source.stop();
    // The records 5 to 9 were never processed.
    await fixture.deleteRecordsBefore({ topic, partition: 0, offset: 10 });

    const second = new RecordingListener();
    await fixture.source().start(second);
    await waitFor(() => second.crashes.length > 0, { deadlineMs: DEADLINE_MS, what: 'the alarm' });
    expect((second.crashes[0] as AppError).code).toBe('START_CHECK_FAILED');
    expect(describeError(second.crashes[0])).toContain(`partition 0 of ${topic} is not in the log`);
    expect(second.received).toEqual([]);
    expect(await fixture.committed(topic, 0)).toBe(5);
  } finally {
    await fixture.close();
  }
});
