import { kafkaClient } from '../../../distributed/cluster/kafka-client.ts';
import { readTopics } from '../../../distributed/collect/read-topics.ts';
import { readLag } from '../../../distributed/engine/measure/quiescence.ts';
import { DEFAULT_LOAD, type LoadOptions } from '../../../distributed/generator/load-options.ts';
import { planLoad } from '../../../distributed/generator/plan.ts';
import { messageOf, publishLoad } from '../../../distributed/generator/producer.ts';
import type { RecordBytes } from '../../../distributed/run/topic-record.ts';
import { type Topics, topicsFor } from '../../../src/contract/topics.ts';
import { KafkaTopicAdmin } from '../../../src/kafka/topic-admin.ts';
import { kafkaBrokers, uniqueTopicPrefix } from '../../support/servers/servers.ts';

jest.setTimeout(30_000);

const kafka = () => kafkaClient(kafkaBrokers(), 'producer-test');
const inbound = (topics: Topics) => [topics.registration, topics.content, topics.failure];

async function createTopics(): Promise<Topics> {
  const topics = topicsFor(uniqueTopicPrefix());
  await new KafkaTopicAdmin({ kafka: kafka() }).ensureTopics({ topics, inboundPartitions: 3 });
  return topics;
}

async function readAll(topics: readonly string[]): Promise<RecordBytes[]> {
  const records: RecordBytes[] = [];
  await readTopics({ kafka: kafka(), topics, onRecord: (record) => records.push(record), deadlineMs: 20_000 });
  return records;
}

const load = (options: Partial<LoadOptions>) => planLoad({ ...DEFAULT_LOAD, conflictPercent: 20, ...options });

describe('a published load', () => {
  test('lies in Kafka completely, once, with its bytes, and in planned order within each partition', async () => {
    const topics = await createTopics();
    const planned = load({ batches: 40 });
    const result = await publishLoad({ kafka: kafka(), topics, load: planned });
    const expected = [...planned.inputs()].map((input) => messageOf(input, topics));
    expect(result.published).toBe(expected.length);

    const records = await readAll(inbound(topics));
    expect(records).toHaveLength(expected.length);
    const sent = new Map<string, string[]>();
    for (const { topic, key, value } of expected) {
      sent.set(`${topic} ${key}`, [...(sent.get(`${topic} ${key}`) ?? []), value]);
    }
    const found = new Map<string, string[]>();
    for (const { topic, key, value } of records) {
      found.set(`${topic} ${key}`, [...(found.get(`${topic} ${key}`) ?? []), String(value)]);
    }
    expect(found).toEqual(sent);
    expect(new Set(records.map(({ topic, partition }) => `${topic}/${partition}`)).size).toBe(9);
  });

  test('keeps its pace, and notes when each batch can first be complete', async () => {
    const topics = await createTopics();
    const planned = load({ batches: 10, slots: 10, durationSeconds: 2 });
    const seen: number[] = [];
    const onProgress = ({ published }: { published: number }) => seen.push(published);
    const result = await publishLoad({ kafka: kafka(), topics, load: planned, onProgress });
    expect(result.elapsedMs).toBeGreaterThan(1_900);
    expect(seen.at(-1)).toBe(planned.manifest.totals.inputs);
    expect(seen.length).toBeGreaterThan(3);
    const due = [...planned.inputs()].filter((input) => input.makesCompletable);
    for (const input of due) {
      expect(result.completableAtMs.get(input.batchId)).toBe(result.startedAtMs + input.dueMs);
    }
    expect(result.completableAtMs.size).toBe(planned.manifest.totals.completions);
  });

  test('ends early when it is interrupted, with everything sent acknowledged', async () => {
    const topics = await createTopics();
    const interrupt = new AbortController();
    const onProgress = ({ published }: { published: number }) => published > 20 && interrupt.abort();
    const planned = load({ batches: 50, durationSeconds: 60 });
    const result = await publishLoad({ kafka: kafka(), topics, load: planned, onProgress, signal: interrupt.signal });
    expect(result.aborted).toBe(true);
    expect(await readAll(inbound(topics))).toHaveLength(result.published);
    expect(result.published).toBeLessThan(planned.manifest.totals.inputs);
  });
});

describe('reading the truth back', () => {
  test('an empty topic is read at once, a topic that does not exist is an error', async () => {
    const topics = await createTopics();
    expect(await readAll(inbound(topics))).toEqual([]);
    await expect(readAll([`${topics.completed}.missing`])).rejects.toThrow(/no such topic/);
  });

  test('the lag of a group that never committed is everything there is', async () => {
    const topics = await createTopics();
    const planned = load({ batches: 5 });
    await publishLoad({ kafka: kafka(), topics, load: planned });
    const admin = kafka().admin();
    await admin.connect();
    expect(await readLag(admin, uniqueTopicPrefix(), inbound(topics))).toBe(planned.manifest.totals.inputs);
    await admin.disconnect();
  });
});
