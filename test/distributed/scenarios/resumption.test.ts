/** Records with the broker's times in, durations out: each partition counts, and only those the fault met. */
import type { TopicRecord } from '../../../distributed/run/records.ts';
import { readDoubled, readResumption } from '../../../distributed/scenarios/resumption.ts';

const TOPICS = { content: 'content', slotAssigned: 'assigned' };

type Short = readonly [partition: number, offset: number, timestampMs: number, id?: string];

function directoryOf(records: { readonly in?: readonly Short[]; readonly out?: readonly Short[] }) {
  return {
    async *readTopic(file: 'in' | 'out' | 'dlq'): AsyncGenerator<TopicRecord> {
      for (const [partition, offset, timestampMs, id] of (file === 'dlq' ? [] : records[file]) ?? []) {
        const headers: Record<string, string> = id === undefined ? {} : { event_id: id };
        const topic = file === 'in' ? TOPICS.content : TOPICS.slotAssigned;
        yield { topic, partition, offset, timestampMs, headers, key: null, value: null };
      }
    },
  };
}

const settledAt = (times: Readonly<Record<string, number>>) => ({
  settledAtMs: (_topic: string, partition: number, offset: number) => times[`${partition}@${offset}`] ?? null,
});

test('the last partition that goes on decides; one without records before the fault does not count', async () => {
  const directory = directoryOf({
    // Partition 2 was idle before: when it begins says nothing about the fault.
    in: [
      [0, 0, 500],
      [1, 0, 600],
      [0, 1, 2_000],
      [1, 1, 1_500],
      [1, 2, 1_600],
      [2, 0, 9_000],
    ],
    out: [
      [0, 0, 700],
      [0, 1, 4_000],
    ],
  });
  const positions = settledAt({ '0@1': 2_300, '1@1': 2_900 });
  const found = await readResumption(directory, TOPICS, positions, { brokenAtMs: 1_000, fromMs: 1_000 });
  expect(found.sent).toEqual({ partitions: 2, afterMs: 1_000 });
  expect(found.consumed).toEqual({ partitions: 2, afterMs: 1_900 });
  expect(found.published).toEqual({ partitions: 1, afterMs: 3_000 });
});

test('a record that was never seen settled is no recovery, and no records at all are nothing met', async () => {
  const directory = directoryOf({
    in: [
      [0, 0, 500],
      [0, 1, 2_000],
    ],
  });
  const found = await readResumption(directory, TOPICS, settledAt({}), { brokenAtMs: 1_000, fromMs: 1_000 });
  expect(found.consumed).toEqual({ partitions: 1, afterMs: Number.POSITIVE_INFINITY });
  expect(found.published).toEqual({ partitions: 0, afterMs: 0 });
});

test('what was published twice is needless when nothing was wrong at its first time', async () => {
  const directory = directoryOf({
    out: [
      [0, 0, 100, 'early'],
      [0, 1, 1_000, 'under way'],
      [0, 2, 1_100, 'once'],
      [0, 3, 2_000, 'under way'],
      [0, 4, 2_000, 'early'],
    ],
  });
  expect(await readDoubled(directory, [{ fromMs: 900, untilMs: 3_000 }])).toEqual({
    events: 3,
    doubled: 2,
    needless: 1,
  });
});
