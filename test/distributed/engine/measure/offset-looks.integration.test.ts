import type { Admin } from 'kafkajs';
import { OffsetLooks } from '../../../../distributed/engine/measure/offset-looks.ts';
import { RunClock } from '../../../../distributed/run/run-clock.ts';
import { KafkaFixture, numbered } from '../../../kafka/kafka-fixture.ts';

test('a look that ends behind a later one writes nothing: positions never seem to move back', async () => {
  const fixture = new KafkaFixture();
  const topic = fixture.topics.content;
  try {
    await fixture.open({ inboundPartitions: 1 });
    await fixture.write({ topic, partition: 0, values: numbered(5) });
    const written: (number | null)[] = [];
    const looks = new OffsetLooks({
      consumerGroup: fixture.groupId,
      topics: [topic],
      journal: {
        clock: new RunClock(),
        offset: ({ committed }) => void written.push(committed),
        metric: () => undefined,
      },
    });
    await fixture.withAdmin(async (admin) => {
      const setTo = (offset: string) =>
        admin.setOffsets({ groupId: fixture.groupId, topic, partitions: [{ partition: 0, offset }] });
      await setTo('1');
      let goOn: () => void = () => undefined;
      const held = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      let asked: () => void = () => undefined;
      const hasAsked = new Promise<void>((resolve) => {
        asked = resolve;
      });
      // The same connection, whose answer about the ends comes late.
      const slow: Admin = Object.create(admin, {
        fetchTopicOffsets: {
          value: async (name: string) => {
            asked();
            await held;
            return admin.fetchTopicOffsets(name);
          },
        },
      });
      const first = looks.look(slow);
      await hasAsked;
      await setTo('3');
      expect(await looks.look(admin)).toBe(2);
      goOn();
      expect(await first).toBe(4);
    });
    expect(written).toEqual([3]);
  } finally {
    await fixture.close();
  }
}, 60_000);
