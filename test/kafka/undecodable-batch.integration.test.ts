import { gunzipSync, gzipSync } from 'node:zlib';
import kafkajs, { CompressionTypes } from 'kafkajs';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { snappyBlocksOf, zstdOfStored } from '../../distributed/generator/compressed-frames.ts';
import type { DeadLetter } from '../../src/domain/ports.ts';
import { KafkaDeadLetterLog } from '../../src/kafka/dead-letter-log.ts';
import { waitFor } from '../support/wait-for.ts';
import { KafkaFixture, RecordingListener } from './kafka-fixture.ts';

const DEADLINE_MS = 30_000;
jest.setTimeout(90_000);

describe('a batch that cannot be decompressed', () => {
  let fixture: KafkaFixture;
  let topic: string;

  beforeEach(async () => {
    fixture = new KafkaFixture();
    topic = fixture.topics.content;
    await fixture.open({ inboundPartitions: 2 });
  });
  afterEach(() => fixture.close());

  /** With an encoder in place of ours, until the next client installs ours again. */
  const writeWith = async (
    compression: keyof typeof kafkajs.CompressionCodecs,
    values: readonly string[],
    compress: (bytes: Buffer) => Buffer,
  ) => {
    kafkajs.CompressionCodecs[compression] = () => ({
      compress: async (encoder: { buffer: Buffer }) => compress(encoder.buffer),
    });
    const producer = fixture.kafka.producer();
    await producer.connect();
    await producer.send({ topic, compression, messages: values.map((value) => ({ value, partition: 0 })) });
    await producer.disconnect();
  };
  /** Together far more than one batch may become. A damaged one does not get here: brokers look inside. */
  const writeTooLarge = (count: number) =>
    writeWith(
      CompressionTypes.LZ4,
      Array.from({ length: count }, (_, index) => `${index}`.repeat((24 * 1024 * 1024) / count)),
      compressFrameSync,
    );

  const writeBomb = async () => {
    const producer = fixture.kafka.producer();
    await producer.connect();
    await producer.send({
      topic,
      compression: CompressionTypes.GZIP,
      messages: [{ value: Buffer.alloc(300 * 1024 * 1024), partition: 0 }],
    });
    await producer.disconnect();
  };

  test('of 300 MiB of zeros is set aside, costs little memory and stops nobody', async () => {
    await fixture.write({ topic, partition: 0, values: ['before'] });
    await writeBomb();
    await fixture.write({ topic, partition: 0, values: ['after'] });
    global.gc?.();
    const bytesBefore = process.memoryUsage().rss;
    const listener = new RecordingListener();
    await fixture.source().start(listener);
    await waitFor(() => listener.received.length >= 2, { deadlineMs: DEADLINE_MS, what: 'the records around it' });
    expect(listener.values).toEqual(['before', 'after']);
    expect(listener.received.map(({ record }) => record.offset)).toEqual([0, 2]);
    expect(process.memoryUsage().rss - bytesBefore).toBeLessThan(150 * 1024 * 1024);

    const letters = await new KafkaDeadLetterLog({ kafka: fixture.kafka }).list({ topic, rowsMax: 10 });
    expect(letters).toMatchObject([
      { reason: 'undecodable_batch', originalTopic: topic, originalPartition: 0, originalOffset: 1 },
    ]);
    expect(letters[0]?.valueBytes).toBeGreaterThan(100_000);
    expect(letters[0]?.detail).toContain('offsets 1 to 1, 1 records');
    expect(listener.crashes).toEqual([]);
  });

  test('is one dead letter for all its records', async () => {
    await writeTooLarge(3);
    await fixture.write({ topic, partition: 0, values: ['after'] });
    const listener = new RecordingListener();
    await fixture.source().start(listener);
    await waitFor(() => listener.received.length >= 1, { deadlineMs: DEADLINE_MS, what: 'the record behind it' });
    expect(listener.received.map(({ record }) => record.offset)).toEqual([3]);
    const letters = await new KafkaDeadLetterLog({ kafka: fixture.kafka }).list({ topic, rowsMax: 10 });
    expect(letters).toHaveLength(1);
    expect(letters[0]?.detail).toContain('lz4 batch expands to more than 16777216 bytes');
    expect(letters[0]?.detail).toContain('offsets 0 to 2, 3 records');
  });

  test.each([
    ['snappy', CompressionTypes.Snappy, compressSync],
    ['snappy as the Java client has it', CompressionTypes.Snappy, snappyBlocksOf],
    ['lz4', CompressionTypes.LZ4, compressFrameSync],
    ['zstd', CompressionTypes.ZSTD, zstdOfStored],
  ] as const)('is none in %s: it is read as any other', async (_name, compression, compress) => {
    const values = Array.from({ length: 50 }, (_, index) => `${index} ${'x'.repeat(3_000)}`);
    await writeWith(compression, values, compress);
    const listener = new RecordingListener();
    await fixture.source().start(listener);
    await waitFor(() => listener.received.length >= 50, { deadlineMs: DEADLINE_MS, what: 'all records' });
    expect(listener.values).toEqual(values);
    const letters = await new KafkaDeadLetterLog({ kafka: fixture.kafka }).list({ topic, rowsMax: 10 });
    expect(letters).toEqual([]);
  });

  test('at the end of a partition leaves no lag', async () => {
    await writeTooLarge(3);
    const listener = new RecordingListener();
    await fixture.source().start(listener);
    await waitFor(async () => (await fixture.committed(topic, 0)) === 3, { deadlineMs: DEADLINE_MS, what: 'commit' });
    expect(listener.received).toEqual([]);
  });

  const writeGzip = async (count: number, value: string) => {
    const producer = fixture.kafka.producer();
    await producer.connect();
    const messages = Array.from({ length: count }, () => ({ value, partition: 0 }));
    await producer.send({ topic, compression: CompressionTypes.GZIP, messages });
    await producer.disconnect();
  };

  test.each([
    [
      'expands too far',
      'x'.repeat(80),
      /gzip batch expands to more than 16777216 bytes|claims more than 200000 records/,
    ],
    ['is small', 'x', /gzip batch claims more than 200000 records/],
  ])('of 210 000 records that %s is one letter with its bytes', async (_name, value, detail) => {
    await fixture.write({ topic, partition: 0, values: ['before'] });
    await writeGzip(210_000, value);
    await fixture.write({ topic, partition: 0, values: ['after'] });
    const listener = new RecordingListener();
    await fixture.source().start(listener);
    await waitFor(() => listener.received.length >= 2, { deadlineMs: DEADLINE_MS, what: 'the records around it' });
    expect(listener.received.map(({ record }) => record.offset)).toEqual([0, 210_001]);
    expect(listener.crashes).toEqual([]);
    const [letter, ...others] = await new KafkaDeadLetterLog({ kafka: fixture.kafka }).list({ topic, rowsMax: 10 });
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ reason: 'undecodable_batch', originalOffset: 1 });
    expect(letter?.detail).toMatch(detail);
    expect(letter?.detail).toContain('offsets 1 to 210000, 210000 records');
    const header = (name: string) => String(letter?.headers[`dlq-batch-${name}`]);
    expect(['codec', 'records', 'offset-last', 'bytes'].map(header)).toEqual([
      'gzip',
      '210000',
      '210000',
      String(letter?.valueBytes),
    ]);
    const expanded = gunzipSync(letter?.value ?? Buffer.alloc(0));
    expect(expanded.includes(value)).toBe(true);
  });

  test('of 150 000 small records is none: all are read', async () => {
    await writeGzip(150_000, 'x');
    const listener = new RecordingListener();
    await fixture.source().start(listener);
    await waitFor(() => listener.received.length >= 150_000, { deadlineMs: DEADLINE_MS, what: 'all records' });
    expect(listener.crashes).toEqual([]);
  });

  test('is not passed over while it cannot be set aside', async () => {
    await writeTooLarge(1);
    const offered: DeadLetter[] = [];
    let isBroken = true;
    const deadLetters = {
      publishDeadLetters: async (letters: readonly DeadLetter[]) => {
        offered.push(...letters);
        if (isBroken) throw new Error('dead letters cannot be written');
      },
    };
    await fixture.source({ deadLetters }).start(new RecordingListener());
    await waitFor(() => offered.length >= 3, { deadlineMs: DEADLINE_MS, what: 'repeated attempts' });
    expect(await fixture.committed(topic, 0)).toBe(-1);
    isBroken = false;
    await waitFor(async () => (await fixture.committed(topic, 0)) === 1, { deadlineMs: DEADLINE_MS, what: 'commit' });
  });

  test('cannot be imitated by a header, and ordinary gzip is read', async () => {
    const producer = fixture.kafka.producer();
    await producer.connect();
    const headers = { 'undecodable-batch': gzipSync('x') };
    await producer.send({
      topic,
      compression: CompressionTypes.GZIP,
      messages: [{ value: 'genuine', partition: 0, headers }],
    });
    await producer.disconnect();
    const listener = new RecordingListener();
    await fixture.source().start(listener);
    await waitFor(() => listener.received.length >= 1, { deadlineMs: DEADLINE_MS, what: 'the record' });
    expect(listener.values).toEqual(['genuine']);
  });
});
