/**
 * All of Kafka's codecs, for reading; what we write is gzip or nothing. A fetched record batch that cannot be
 * decompressed (bomb, damaged bytes) must neither take the memory nor stop its partition for ever. kafkajs lets a codec
 * answer only with bytes, so ours answers with one placeholder per record: the consumer sees topic, partition and every
 * offset, sets the record batch aside and goes on. Which record batch it is stands in the 61 bytes before the
 * compressed ones; they are checked against each other before they are believed. Codecs are global to kafkajs: the last
 * installation counts.
 */
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip as gzipBytes } from 'node:zlib';
import kafkajs, { CompressionTypes, type KafkaMessage } from 'kafkajs';
import { type Decompressor, ExpandsTooFarError, gzip, lz4, snappy, zstd } from './decompressors.ts';
import { ConsumerStopError } from './kafka-error.ts';

/** Random per process: no producer can make its records look like placeholders. */
const MARKER = randomUUID();
const BATCH_HEADER_BYTES = 61;
/** What the record batch's length field counts before the records. */
const COUNTED_HEADER_BYTES = 49;
const MAGIC_AT = 16;
const LENGTH_AT = 8;
const LAST_OFFSET_DELTA_AT = 23;
const RECORD_COUNT_AT = 57;
/**
 * kafkajs wants as many records as the record batch claims; past this many the placeholders would be a bomb themselves.
 */
const PLACEHOLDERS_MAX = 200_000;
/** All record batches of one fetch answer together: many small bombs are as heavy as a large one. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export function installCompressionCodecs(limits: { outputBytesMax: number }): void {
  const { outputBytesMax } = limits;
  const decompressWith = (decompressor: Decompressor) => (compressed: Buffer) =>
    decompressOrPass(decompressor, compressed, outputBytesMax);
  const readOnly = (decompressor: Decompressor) => ({
    compress: () => Promise.reject(new ConsumerStopError(`we do not write ${decompressor.name}`)),
    decompress: decompressWith(decompressor),
  });
  const gzipCodec = {
    compress: async (encoder: { buffer: Buffer }) => promisify(gzipBytes)(encoder.buffer),
    decompress: decompressWith(gzip),
  };
  kafkajs.CompressionCodecs[CompressionTypes.GZIP] = () => gzipCodec;
  kafkajs.CompressionCodecs[CompressionTypes.Snappy] = () => readOnly(snappy);
  kafkajs.CompressionCodecs[CompressionTypes.LZ4] = () => readOnly(lz4);
  kafkajs.CompressionCodecs[CompressionTypes.ZSTD] = () => readOnly(zstd);
}

/** A record batch in the log that could not be read. */
export interface UndecodableBatch {
  readonly offsetFirst: number;
  readonly offsetLast: number;
  readonly recordCount: number;
  readonly reason: string;
}

/**
 * The record batch a placeholder stands for: undefined for an ordinary record, null for any but a record batch's last
 * placeholder.
 */
export function undecodableBatchOf(message: KafkaMessage): UndecodableBatch | null | undefined {
  const marker = message.headers?.[MARKER];
  if (marker === undefined) return undefined;
  const text = String(marker);
  return text === '' ? null : (JSON.parse(text) as UndecodableBatch);
}

/** Decompressed so far, per fetch answer (all record batches of an answer are views of one memory block). */
const answerBytes = new WeakMap<ArrayBufferLike, number>();

async function decompressOrPass(
  { name, decompress }: Decompressor,
  compressed: Buffer,
  outputBytesMax: number,
): Promise<Buffer> {
  const before = answerBytes.get(compressed.buffer) ?? 0;
  // kafkajs takes this name for a record batch cut off by the fetch size and fetches it again from its first offset.
  if (before > ANSWER_BYTES_MAX)
    throw Object.assign(new Error('fetch it later'), { name: 'KafkaJSPartialMessageError' });
  try {
    const records = await decompress(compressed, outputBytesMax);
    answerBytes.set(compressed.buffer, before + records.length);
    return records;
  } catch (error) {
    answerBytes.set(compressed.buffer, before + outputBytesMax);
    const isTooLarge = error instanceof ExpandsTooFarError;
    const fault = isTooLarge ? `expands to more than ${outputBytesMax} bytes` : 'is damaged';
    return placeholders(compressed, `${name} batch ${fault}`);
  }
}

function placeholders(compressed: Buffer, reason: string): Buffer {
  const batch = readBatchHeader(compressed);
  const range = `offsets ${batch.offsetFirst} to ${batch.offsetLast}, ${batch.recordCount} records`;
  if (batch.recordCount > PLACEHOLDERS_MAX) {
    throw new ConsumerStopError(`${reason}, and it is too large to be passed over (${range}); move the group past it`);
  }
  const last = batch.recordCount - 1;
  const records: Buffer[] = [];
  for (let index = 0; index < last; index += 1) records.push(placeholder(index, ''));
  records.push(placeholder(batch.offsetLast - batch.offsetFirst, JSON.stringify({ ...batch, reason })));
  return Buffer.concat(records);
}

function readBatchHeader(compressed: Buffer): Omit<UndecodableBatch, 'reason'> {
  const start = compressed.byteOffset - BATCH_HEADER_BYTES;
  if (start < 0) throw new ConsumerStopError('cannot find the header of a compressed batch');
  const header = Buffer.from(compressed.buffer, start, BATCH_HEADER_BYTES);
  const isHeader =
    header.readInt8(MAGIC_AT) === 2 && header.readInt32BE(LENGTH_AT) === COUNTED_HEADER_BYTES + compressed.length;
  if (!isHeader) throw new ConsumerStopError('cannot find the header of a compressed batch');
  const offsetFirst = Number(header.readBigInt64BE(0));
  return {
    offsetFirst,
    offsetLast: offsetFirst + header.readInt32BE(LAST_OFFSET_DELTA_AT),
    recordCount: header.readInt32BE(RECORD_COUNT_AT),
  };
}

/** A record without key and value and with the marker as its only header, in Kafka's record format (version 2). */
function placeholder(offsetDelta: number, marker: string): Buffer {
  const name = Buffer.from(MARKER);
  const value = Buffer.from(marker);
  const body = Buffer.concat([
    Buffer.from([0, 0]), // attributes, timestamp delta
    varint(offsetDelta),
    varint(-1), // key
    varint(-1), // value
    varint(1), // headers
    varint(name.length),
    name,
    varint(value.length),
    value,
  ]);
  return Buffer.concat([varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -value * 2 - 1 : value * 2;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
