/**
 * All of Kafka's codecs, for reading; what we write is gzip or nothing. A fetched record batch that expands too far, has
 * too many records or is damaged must neither take the memory nor stop its partition for ever: a codec throws, and the
 * patched client (`patches/`) puts one record in the place of the batch, see `record-batch.ts`. Codecs are global to
 * kafkajs: the last installation counts.
 */
import { promisify } from 'node:util';
import { gzip as gzipBytes } from 'node:zlib';
import kafkajs, { CompressionTypes } from 'kafkajs';
import { type Decompressor, ExpandsTooFarError, gzip, lz4, snappy, zstd } from './decompressors.ts';
import { ConsumerStopError } from './kafka-error.ts';

/** Each costs hundreds of bytes once it is read, however small it is in the log. */
const RECORDS_MAX = 200_000;
/** All record batches of one fetch answer together: many small bombs are as heavy as a large one. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export function installCompressionCodecs(limits: { outputBytesMax: number }): void {
  const { outputBytesMax } = limits;
  const decompressWith = (decompressor: Decompressor) => (compressed: Buffer, recordCount: number) =>
    decompressLimited(decompressor, compressed, recordCount, outputBytesMax);
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

/** Decompressed so far, per fetch answer (all record batches of an answer are views of one memory block). */
const answerBytes = new WeakMap<ArrayBufferLike, number>();

async function decompressLimited(
  decompressor: Decompressor,
  compressed: Buffer,
  recordCount: number,
  outputBytesMax: number,
): Promise<Buffer> {
  const before = answerBytes.get(compressed.buffer) ?? 0;
  // kafkajs takes this name for a record batch cut off by the fetch size and fetches it again from its first offset.
  if (before > ANSWER_BYTES_MAX)
    throw Object.assign(new Error('fetch it later'), { name: 'KafkaJSPartialMessageError' });
  if (recordCount > RECORDS_MAX) throw new Error(`claims more than ${RECORDS_MAX} records`);
  try {
    const records = await decompressor.decompress(compressed, outputBytesMax);
    answerBytes.set(compressed.buffer, before + records.length);
    return records;
  } catch (error) {
    answerBytes.set(compressed.buffer, before + outputBytesMax);
    const isTooLarge = error instanceof ExpandsTooFarError;
    throw new Error(isTooLarge ? `expands to more than ${outputBytesMax} bytes` : 'is damaged', { cause: error });
  }
}
