/** kafkajs reading the contents: counting them, parsing them, or taking them in with the product's decoder. */
import { Kafka, logLevel } from 'kafkajs';
import { DECODE_LIMITS, decodeRecord } from '../../../src/worker/settle/decode.ts';
import { brokers, setting, timed, topics } from './floor.ts';

const inputs = Number(setting('BENCH_INPUTS'));
const kafka = new Kafka({ clientId: 'floor', brokers: brokers(), logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({ groupId: setting('CONSUMER_GROUP'), maxWaitTimeInMs: 200 });
const look = lookOf(setting('BENCH_LOOK'));

await consumer.connect();
await consumer.subscribe({ topics: [topics().content], fromBeginning: true });
await timed(
  () =>
    new Promise((resolve, reject) => {
      let seen = 0;
      consumer
        .run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            for (const message of batch.messages) look(batch.topic, batch.partition, message);
            seen += batch.messages.length;
            if (seen >= inputs) resolve();
          },
        })
        .catch(reject);
    }),
);

interface Message {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly offset: string;
}

function lookOf(name: string): (topic: string, partition: number, message: Message) => void {
  if (name === 'count') return () => undefined;
  if (name === 'parse') return (_topic, _partition, { value }) => JSON.parse(value?.toString() ?? '');
  return (topic, partition, { key, value, offset }) => {
    const record = {
      topic,
      partition,
      offset: Number(offset),
      key,
      value,
      headers: {},
      receivedAtMs: 0,
      timestampMs: 0,
    };
    const decoded = decodeRecord(record, DECODE_LIMITS);
    if (decoded.kind !== 'input') throw new Error(`a content was ${decoded.kind}`);
  };
}
