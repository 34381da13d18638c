/** kafkajs writing the slot-assigned events of the backlog, 500 in a send, acknowledged by all replicas. */
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { slotAssignedMessage } from '../../../src/contract/outbound.ts';
import { brokers, floorContents, timed, topics } from './floor.ts';

const PER_SEND = 500;

const kafka = new Kafka({ clientId: 'floor', brokers: brokers(), logLevel: logLevel.NOTHING });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
const messages = floorContents().map((content, index) =>
  slotAssignedMessage({
    topics: topics(),
    batchId: content.batchId,
    essayId: `essay-${index}`,
    fileUploadId: content.fileUploadId,
    textStorageId: content.textStorageId,
    originalFileName: content.originalFileName,
    correlationId: content.correlationId,
    traceparent: null,
    occurredAtMs: content.occurredAtMs,
  }),
);

await producer.connect();
await timed(async () => {
  for (let from = 0; from < messages.length; from += PER_SEND) {
    const part = messages.slice(from, from + PER_SEND).map(({ key, value, headers }) => ({ key, value, headers }));
    await producer.send({ topic: topics().slotAssigned, acks: -1, messages: part });
  }
});
