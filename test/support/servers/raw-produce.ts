/** Record batches as no client of ours would write them: encoded here, sent as a Produce request of our own. */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { kafkaBrokers } from './servers.ts';

const load = createRequire(join(process.cwd(), 'package.json'));
const Encoder = load('kafkajs/src/protocol/encoder');
const Decoder = load('kafkajs/src/protocol/decoder');
const encodeRecord = load('kafkajs/src/protocol/recordBatch/record/v0');
const { RecordBatch } = load('kafkajs/src/protocol/recordBatch/v0');

const GZIP = 1;
const PRODUCE = { apiKey: 0, apiVersion: 3 };
const CORRELATION_ID = 7;
const BROKER_MS_MAX = 10_000;

/** `count` records with this value, in one gzip batch. The broker must be the leader: the only one, or the first. */
export async function produceGzipBatch(target: { topic: string; partition: number }, count: number, value: string) {
  const records = Array.from({ length: count }, (_, offsetDelta) =>
    encodeRecord({ offsetDelta, timestampDelta: 0, value: Buffer.from(value) }),
  );
  const batch = await RecordBatch({ compression: GZIP, firstOffset: 0, lastOffsetDelta: count - 1, records });
  const errorCode = await produce(target, batch.buffer);
  if (errorCode !== 0) throw new Error(`the broker refuses the batch with error ${errorCode}`);
}

async function produce({ topic, partition }: { topic: string; partition: number }, batch: Buffer): Promise<number> {
  const partitions = new Encoder().writeInt32(partition).writeInt32(batch.length).writeBuffer(batch);
  const topics = new Encoder().writeString(topic).writeArray([partitions]);
  const request = new Encoder()
    .writeInt16(PRODUCE.apiKey)
    .writeInt16(PRODUCE.apiVersion)
    .writeInt32(CORRELATION_ID)
    .writeString('raw')
    .writeString(null)
    .writeInt16(-1)
    .writeInt32(BROKER_MS_MAX)
    .writeArray([topics]).buffer;
  const [host = '', port = ''] = (kafkaBrokers()[0] ?? '').split(':');
  const socket = connect(Number(port), host);
  try {
    socket.write(new Encoder().writeInt32(request.length).writeBuffer(request).buffer);
    const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(BROKER_MS_MAX) })) as [Buffer];
    const decoder = new Decoder(answer);
    // Its size, the correlation id, one topic, one partition.
    for (const _field of ['size', 'correlation id', 'topics']) decoder.readInt32();
    decoder.readString();
    for (const _field of ['partitions', 'partition']) decoder.readInt32();
    return decoder.readInt16();
  } finally {
    socket.destroy();
  }
}
