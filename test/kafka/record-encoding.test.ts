/** What the patched client writes in one pass is what it writes one record at a time; keys go where Java's client puts them. */
import fc from 'fast-check';
import { installCompressionCodecs } from '../../src/kafka/compression-codecs.ts';

const encodeAll = jest.requireActual('kafkajs/src/protocol/recordBatch/record/v0/encodeAll');
const encodeRecord = jest.requireActual('kafkajs/src/protocol/recordBatch/record/v0');
const encodeRequest = jest.requireActual('kafkajs/src/protocol/requests/produce/v3/request');
const encodeBatch = jest.requireActual('kafkajs/src/protocol/recordBatch/v0').RecordBatch;
const crc32C = jest.requireActual('kafkajs/src/protocol/recordBatch/crc32C');
const murmur2 = jest.requireActual('kafkajs/src/producer/partitioners/default/murmur2');

const GZIP = 1;

type Bytes = Buffer | string;

const bytes: fc.Arbitrary<Bytes> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
);
const message = fc.record(
  {
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.dictionary(fc.string({ maxLength: 20 }), fc.oneof(bytes, fc.array(bytes, { maxLength: 3 }))),
    timestampDelta: fc.integer({ min: -(2 ** 20), max: 2 ** 29 }),
  },
  { requiredKeys: ['key', 'value', 'timestampDelta'] },
);
type Message = typeof message extends fc.Arbitrary<infer T> ? T : never;

const oneByOne = (messages: readonly Message[]): Buffer =>
  Buffer.concat(messages.map((each, offsetDelta) => Buffer.from(encodeRecord({ ...each, offsetDelta }).buffer)));
const inOnePass = (messages: readonly Message[]): Buffer | null =>
  encodeAll(messages, (each: Message) => each.timestampDelta)?.buffer ?? null;

test('a batch in one pass is the same bytes as its records one by one', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 200 }), (messages) => {
      expect(inOnePass(messages)?.equals(oneByOne(messages))).toBe(true);
    }),
  );
});

test('sizes at the borders of their encoding, too', () => {
  for (const size of [0, 1, 63, 64, 8_191, 8_192, 1_048_575, 1_048_576]) {
    const messages = [{ key: null, value: 'x'.repeat(size), timestampDelta: size }];
    expect(inOnePass(messages)?.equals(oneByOne(messages))).toBe(true);
  }
});

test.each([
  ['a time far away', { key: null, value: 'x', timestampDelta: 2 ** 40 }],
  ['a header without a value', { key: null, value: 'x', headers: { a: null }, timestampDelta: 0 }],
])('%s is left to the encoder of one record', (_, odd) => {
  expect(inOnePass([odd as never])).toBeNull();
});

test.each([0, GZIP])(
  'a request has the record batch that is made of them one by one, compressed or not (%p)',
  async (compression) => {
    installCompressionCodecs({ outputBytesMax: 1_000_000 });
    const messages = ['one', 'two'].map((value) => ({ key: 'k', value, timestamp: '1000', headers: { a: 'b' } }));
    const topicData = [{ topic: 't', partitions: [{ partition: 0, messages }] }];
    const request = await encodeRequest({ acks: -1, timeout: 1, compression, topicData }).encode();
    const records = messages.map((each, offsetDelta) => encodeRecord({ ...each, offsetDelta, timestampDelta: 0 }));
    const times = { firstTimestamp: '1000', maxTimestamp: '1000' };
    const batch = await encodeBatch({ compression, records, lastOffsetDelta: 1, ...times });
    expect(request.buffer.subarray(-batch.size()).equals(batch.buffer)).toBe(true);
  },
);

/** From Kafka's own UtilsTest. */
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  [Buffer.from('abc'), 479470107],
])('the hash of %s is that of the Java client', (key, hash) => {
  expect(murmur2(key)).toBe(hash);
});

describe('the checksum of a record batch', () => {
  /** By its definition, a bit at a time. */
  const byBits = (data: Uint8Array): number => {
    let crc = 0xffffffff;
    for (const byte of data) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    return (crc ^ 0xffffffff) >>> 0;
  };

  test('is CRC-32C, for every length', () => {
    expect(crc32C(Buffer.from('123456789'))).toBe(0xe3069283);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (data) => {
        expect(crc32C(Buffer.from(data))).toBe(byBits(data));
      }),
    );
  });
});
