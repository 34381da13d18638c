/**
 * Kafka's codecs for the harness's own clients, beside gzip which they have: to write as other producers do, and to
 * read back what they wrote. Without limits: what the harness reads it has written itself. Not the service's codecs;
 * the judge shares none of its code.
 */
import { Decompress } from 'fzstd';
import kafkajs, { CompressionTypes } from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';
import { snappyBlocksOf, uncompressSnappy, zstdOfStored } from '../generator/compressed-frames.ts';

const CODECS: readonly (readonly [keyof typeof kafkajs.CompressionCodecs, Codec])[] = [
  [
    CompressionTypes.Snappy,
    { compress: async (bytes) => snappyBlocksOf(bytes), decompress: async (bytes) => uncompressSnappy(bytes) },
  ],
  [CompressionTypes.LZ4, { compress: (bytes) => compressFrame(bytes), decompress: (bytes) => decompressFrame(bytes) }],
  [
    CompressionTypes.ZSTD,
    { compress: async (bytes) => zstdOfStored(bytes), decompress: async (bytes) => decompressZstd(bytes) },
  ],
];

interface Codec {
  compress(bytes: Buffer): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

export function installHarnessCodecs(): void {
  for (const [type, { compress, decompress }] of CODECS) {
    kafkajs.CompressionCodecs[type] = () => ({
      compress: (encoder: { buffer: Buffer }) => compress(encoder.buffer),
      decompress,
    });
  }
}

function decompressZstd(bytes: Buffer): Buffer {
  const parts: Uint8Array[] = [];
  new Decompress((part) => parts.push(part)).push(bytes, true);
  return Buffer.concat(parts);
}
