/** A record batch with damage of any kind inside is one letter with its bytes, and what surrounds it is read. */
import type { Batch } from 'kafkajs';
import { installCompressionCodecs } from '../../src/kafka/compression-codecs.ts';
import { readRecordBatch } from '../../src/kafka/record-batch.ts';

const Decoder = jest.requireActual('kafkajs/src/protocol/decoder');
const Encoder = jest.requireActual('kafkajs/src/protocol/encoder');
const encodeBatch = jest.requireActual('kafkajs/src/protocol/recordBatch/v0').RecordBatch;
const encodeRecord = jest.requireActual('kafkajs/src/protocol/recordBatch/record/v0');
const decodeMessages = jest.requireActual('kafkajs/src/protocol/requests/fetch/v4/decodeMessages');

const HEADER_BYTES = 61;
const RECORD_COUNT_AT = 57;
const ATTRIBUTES_AT = 22;
const GZIP = 1;

beforeAll(() => installCompressionCodecs({ outputBytesMax: 1_000_000 }));

async function batchOf(firstOffset: number, values: readonly string[], compression = 0): Promise<Buffer> {
  const records = values.map((value, offsetDelta) =>
    encodeRecord({ offsetDelta, timestampDelta: 0, value: Buffer.from(value) }),
  );
  const lastOffsetDelta = values.length - 1;
  const { buffer } = await encodeBatch({ compression, firstOffset, lastOffsetDelta, records });
  return Buffer.from(buffer);
}

async function read(...batches: Buffer[]) {
  const { buffer } = new Encoder().writeBytes(Buffer.concat(batches));
  const messages = await decodeMessages(new Decoder(buffer));
  return readRecordBatch({ topic: 't', partition: 3, messages } as unknown as Batch, 0);
}

const damages: readonly [name: string, compression: number, damage: (batch: Buffer) => void][] = [
  ['more records are claimed than there are', 0, (batch) => batch.writeInt32BE(1_000, RECORD_COUNT_AT)],
  ['as many records are claimed as can be', 0, (batch) => batch.writeInt32BE(0x7fff_ffff, RECORD_COUNT_AT)],
  ['a record claims to be longer', 0, (batch) => batch.writeUInt8(0x7e, HEADER_BYTES)],
  ['lengths are nonsense', 0, (batch) => batch.fill(0xff, HEADER_BYTES)],
  ['the codec is another', 0, (batch) => batch.writeUInt8(4, ATTRIBUTES_AT)],
  ['a compressed byte is wrong', GZIP, (batch) => batch.fill(0, HEADER_BYTES + 10, HEADER_BYTES + 20)],
  ['more compressed records are claimed', GZIP, (batch) => batch.writeInt32BE(50, RECORD_COUNT_AT)],
];

test.each(damages)('%s', async (_name, compression, damage) => {
  const damaged = await batchOf(1, ['a', 'b', 'c'], compression);
  damage(damaged);
  const { records, letters } = await read(await batchOf(0, ['before']), damaged, await batchOf(4, ['after']));
  expect(records.map(({ offset, value }) => [offset, String(value)])).toEqual([
    [0, 'before'],
    [4, 'after'],
  ]);
  expect(letters).toMatchObject([
    { reason: 'undecodable_batch', record: { topic: 't', partition: 3, offset: 1, value: damaged.subarray(61) } },
  ]);
  expect(letters[0]?.detail).toContain('offsets 1 to 3');
});
