/** Topics lie where a part wants them, on three real brokers, and the group's coordinator is the one Kafka names. */
import kafkajs from 'kafkajs';
import { createTopic, kafkaClient, withAdmin } from '../../../distributed/cluster/kafka-client.ts';
import { serversKilled } from '../../../distributed/nemesis/server-faults.ts';
import { coordinatorOf, layOut, OFFSETS_TOPIC, untilLedByOthers } from '../../../distributed/scenarios/topic-layout.ts';
import { type Stack, startStack } from '../../../distributed/stack/stack.ts';
import { KafkaFixture } from '../../kafka/kafka-fixture.ts';
import { waitFor } from '../../support/wait-for.ts';

jest.setTimeout(180_000);

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ onlyNeeded: ['kafka'], kafkaNodes: 3, onProgress: () => undefined });
});
afterAll(() => stack?.stop());

test('a topic is led by whom it is given to, keeps its settings, and is led by others when that broker is killed', async () => {
  const kafka = kafkaClient(stack.kafkaBrokers, 'test');
  await withAdmin(kafka, (admin) =>
    createTopic(admin, { topic: 'laid', configEntries: [{ name: 'max.message.bytes', value: '2000000' }] }),
  );
  const fixture = new KafkaFixture(stack.kafkaBrokers);
  await fixture.open({ inboundPartitions: 3 });
  try {
    const { groupId } = fixture;
    const nodeId = await fixture.withCoordinator((found) => found.nodeId);
    expect(await coordinatorOf(kafka, groupId)).toBe(nodeId);

    const others = [1, 2, 3].filter((node) => node !== nodeId);
    await layOut(kafka, [{ topic: 'laid', partitions: 2, replicas: [nodeId, ...others], inSyncMin: 2 }]);
    await withAdmin(kafka, async (admin) => {
      // The broker that answers may be another one, which has not heard of the topic yet.
      const isKnown = async () => (await admin.fetchTopicMetadata()).topics.find(({ name }) => name === 'laid');
      const laid = await waitFor(isKnown, { deadlineMs: 20_000, what: 'the topic that was laid out' });
      expect(laid.partitions.map(({ leader }) => leader)).toEqual([nodeId, nodeId]);
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: 'laid' }],
      });
      const settings =
        resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]) ?? [];
      expect(Object.fromEntries(settings)).toMatchObject({
        'max.message.bytes': '2000000',
        'message.timestamp.type': 'LogAppendTime',
        'min.insync.replicas': '2',
      });
    });

    const leader = stack.servers.filter(({ name }) => name === `kafka-${nodeId}`);
    const fault = serversKilled(leader);
    expect(await fault.start()).toMatchObject({ accepts: false });
    await untilLedByOthers(kafka, ['laid', OFFSETS_TOPIC], [nodeId]);
    expect(await coordinatorOf(kafka, groupId)).not.toBe(nodeId);
    expect(await fault.stop()).toMatchObject({ accepts: true });
  } finally {
    await fixture.close();
  }
});

test('a server that did not run is no fault that was seen', async () => {
  const [server] = stack.servers;
  if (server === undefined) throw new Error('there are three');
  await server.stop();
  const fault = serversKilled([server]);
  expect(await fault.start()).toBeNull();
  expect(await fault.stop()).toMatchObject({ accepts: true });
});
