/**
 * Three brokers: what is created survives the loss of one, what somebody else lost is in nobody's way, and a broker that
 * hangs is left by all clients of the process for those that answer.
 */

import { createTopic } from '../../distributed/cluster/kafka-client.ts';
import { type Stack, startStack } from '../../distributed/stack/stack.ts';
import { deadLetterTopic, topicsFor } from '../../src/contract/topics.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { KafkaTopicAdmin } from '../../src/kafka/topic-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { KafkaFixture, log, numbered, RecordingListener } from './kafka-fixture.ts';

jest.setTimeout(180_000);

let stack: Stack;
let admin: KafkaTopicAdmin;

beforeAll(async () => {
  stack = await startStack({ onlyNeeded: ['kafka'], kafkaNodes: 3, onProgress: () => undefined });
  admin = new KafkaTopicAdmin({ kafka: createKafka({ brokers: stack.kafkaBrokers, clientId: 'test', log }) });
});
afterAll(() => stack?.stop());

test('topics get three replicas of which two acknowledge, and judge well, also beside a leaderless one of others', async () => {
  const topics = topicsFor('own.');
  const reports = await admin.ensureTopics({ topics });
  expect(new Set(reports.map(({ replicas }) => replicas))).toEqual(new Set([3]));
  expect(new Set(reports.map(({ inSyncReplicasMin }) => inSyncReplicasMin))).toEqual(new Set([2]));
  expect(reports.find(({ topic }) => topic === deadLetterTopic(topics.content))?.retentionMs).toBe(-1);
  const check = async () => {
    const warnings: string[] = [];
    const warn = (text: string) => warnings.push(text);
    return [...(await admin.checkTopics({ topics, inboundPartitionsMin: 3, slotsMax: 10_000, warn })), ...warnings];
  };
  // A node hears of a topic a moment after the one that was asked.
  await waitFor(async () => (await check()).length === 0, { deadlineMs: 10_000, what: 'topics that judge well' });

  const raw = createKafka({ brokers: stack.kafkaBrokers, clientId: 'other', log }).admin();
  await raw.connect();
  await createTopic(raw, { topic: 'theirs', numPartitions: 3, replicationFactor: 1 });
  await raw.disconnect();
  await stack.servers[2]?.stop();
  const isTheirsBroken = async () => {
    const other = createKafka({ brokers: stack.kafkaBrokers.slice(0, 2), clientId: 'other', log }).admin();
    await other.connect();
    try {
      await other.fetchTopicMetadata({ topics: ['theirs'] });
      return false;
    } catch {
      return true;
    } finally {
      await other.disconnect();
    }
  };
  await waitFor(isTheirsBroken, { deadlineMs: 30_000, what: 'a partition without leader' });
  await waitFor(async () => (await check()).length === 0, { deadlineMs: 20_000, what: 'topics that judge well' });
  const more = await admin.ensureTopics({ topics: topicsFor('more.'), replicationFactor: 2 });
  expect(more.map(({ outcome }) => outcome)).toEqual(Array(9).fill('created'));
});

test('when the broker hangs that coordinates the group and leads, reading, committing and publishing go on elsewhere', async () => {
  await stack.servers[2]?.start();
  const fixture = new KafkaFixture(stack.kafkaBrokers);
  await fixture.open({ inboundPartitions: 6 });
  try {
    const topic = fixture.topics.content;
    const listener = new RecordingListener();
    const source = fixture.source();
    await source.start(listener);
    const write = (values: readonly string[]) =>
      Promise.all(Array.from({ length: 6 }, (_, partition) => fixture.write({ topic, partition, values })));
    await write(numbered(10));
    const hasReceived = (count: number, deadlineMs: number) =>
      waitFor(() => listener.received.length >= count, { deadlineMs, what: `${count} records` });
    await hasReceived(60, 30_000);

    // Of the partitions it leads a third.
    const nodeId = await fixture.withCoordinator((found) => found.nodeId);
    const coordinator = stack.servers.find(({ name }) => name === `kafka-${nodeId}`);
    await coordinator?.kill('SIGSTOP');
    const frozenAtMs = performance.now();
    try {
      const isServed = async () => {
        const offsets = Array.from({ length: 6 }, (_, partition) => ({ topic, partition, offsetNext: 10 }));
        await source.commit(listener.epoch, offsets);
        return true;
      };
      await waitFor(() => isServed().catch(() => false), { deadlineMs: 20_000, what: 'a commit elsewhere' });
      expect(performance.now() - frozenAtMs).toBeLessThan(15_000);
      await write(numbered(10));
      await hasReceived(120, 20_000);
    } finally {
      await coordinator?.kill('SIGCONT');
    }
  } finally {
    await fixture.close();
  }
});

test('an input partition without a leader holds up only itself, for members there are and new ones, and is read after', async () => {
  const fixture = new KafkaFixture(stack.kafkaBrokers);
  await fixture.open({ inboundPartitions: 3 });
  const { content, failure } = fixture.topics;
  try {
    await fixture.withAdmin(async (admin) => {
      await admin.deleteTopics({ topics: [failure] });
      const isGone = async () => !(await admin.listTopics()).includes(failure);
      await waitFor(isGone, { deadlineMs: 10_000, what: 'a topic that is gone' });
      const replicaAssignment = [1, 2, 3].map((node) => ({ partition: node - 1, replicas: [node] }));
      const configEntries = [{ name: 'min.insync.replicas', value: '1' }];
      await createTopic(admin, { topic: failure, replicaAssignment, configEntries });
    });
    const one = new RecordingListener();
    await fixture.source({ topics: [content, failure] }).start(one);
    await fixture.write({ topic: failure, partition: 0, values: numbered(5) });
    await waitFor(() => one.received.length >= 5, { deadlineMs: 20_000, what: 'records of the first partition' });

    await stack.servers[2]?.stop();
    const other = new RecordingListener();
    await fixture.source({ topics: [content, failure] }).start(other);
    const both = () => one.received.length + other.received.length;
    const before = both();
    const write = (partition: number) => fixture.write({ topic: content, partition, values: numbered(5) });
    await Promise.all([0, 1, 2].map(write));
    await fixture.write({ topic: failure, partition: 1, values: numbered(5) });
    await waitFor(() => both() >= before + 20, { deadlineMs: 20_000, what: 'records of all partitions with a leader' });

    await stack.servers[2]?.start();
    await fixture.write({ topic: failure, partition: 2, values: numbered(5) });
    await waitFor(() => both() >= before + 25, {
      deadlineMs: 30_000,
      what: 'records of the partition that was without',
    });
  } finally {
    await stack.servers[2]?.start();
    await fixture.close();
  }
});
