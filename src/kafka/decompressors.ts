/**
 * The four codecs of Kafka, read with a limit on what comes out: none of them takes more memory than the limit (and one
 * block of it), whatever the bytes claim. gzip and zstd count while they expand; snappy and lz4 say beforehand how much
 * they will be, which is checked before they are let loose.
 */
import { promisify, types } from 'node:util';
import { unzip } from 'node:zlib';
import { Decompress as ZstdStream } from 'fzstd';
import { decompressFrame } from 'lz4-napi';
import { uncompress } from 'snappy';

/** The Java client wraps snappy in blocks of its own (xerial); others send it bare. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;
const LZ4_MAGIC = 0x184d2204;
const LZ4_BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 65_536, 5: 262_144, 6: 1_048_576, 7: 4_194_304 };
/** No byte of a block stands for more. */
const LZ4_RATIO_MAX = 255;
const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_PIECE_BYTES = 65_536;
/** What every decoder of zstd is expected to have room for. */
const ZSTD_WINDOW_MIN = 8 * 1024 * 1024;

export interface Decompressor {
  readonly name: string;
  /** Rejects with `ExpandsTooFarError`, or with any other error where the bytes are damaged. */
  decompress(compressed: Buffer, outputBytesMax: number): Promise<Buffer>;
}

export class ExpandsTooFarError extends Error {}

export const gzip: Decompressor = {
  name: 'gzip',
  async decompress(compressed, outputBytesMax) {
    try {
      return await promisify<Buffer, { maxOutputLength: number }, Buffer>(unzip)(compressed, {
        maxOutputLength: outputBytesMax,
      });
    } catch (error) {
      const isTooLarge = types.isNativeError(error) && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
      throw isTooLarge ? new ExpandsTooFarError() : error;
    }
  },
};

export const snappy: Decompressor = {
  name: 'snappy',
  async decompress(compressed, outputBytesMax) {
    const blocks = isXerial(compressed) ? xerialBlocks(compressed) : [compressed];
    const bytes = blocks.reduce((sum, block) => sum + snappyLength(block), 0);
    if (bytes > outputBytesMax) throw new ExpandsTooFarError();
    const parts: Buffer[] = [];
    for (const block of blocks) parts.push((await uncompress(block, { asBuffer: true })) as Buffer);
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  },
};

export const lz4: Decompressor = {
  name: 'lz4',
  async decompress(compressed, outputBytesMax) {
    const { bytesMax, blockBytesMax } = lz4Bounds(compressed);
    // All blocks but the last are full, so that no record batch within the limit is refused.
    if (bytesMax - blockBytesMax >= outputBytesMax) throw new ExpandsTooFarError();
    return decompressFrame(compressed);
  },
};

export const zstd: Decompressor = {
  name: 'zstd',
  async decompress(compressed, outputBytesMax) {
    if (zstdWindow(compressed) > Math.max(outputBytesMax, ZSTD_WINDOW_MIN)) throw new ExpandsTooFarError();
    const parts: Uint8Array[] = [];
    let bytes = 0;
    const stream = new ZstdStream((part) => {
      bytes += part.length;
      if (bytes > outputBytesMax) throw new ExpandsTooFarError();
      parts.push(part);
    });
    // In pieces, or the whole would be expanded before the first part is seen.
    for (let at = 0; at < compressed.length; at += ZSTD_PIECE_BYTES) {
      const piece = compressed.subarray(at, at + ZSTD_PIECE_BYTES);
      stream.push(piece, at + ZSTD_PIECE_BYTES >= compressed.length);
    }
    return Buffer.concat(parts);
  },
};

function isXerial(compressed: Buffer): boolean {
  return compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);
}

function xerialBlocks(compressed: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < compressed.length; ) {
    const end = at + 4 + compressed.readUInt32BE(at);
    if (end > compressed.length) throw new Error('a snappy block is cut off');
    blocks.push(compressed.subarray(at + 4, end));
    at = end;
  }
  return blocks;
}

/** What a block says it will be; the library makes exactly so much of it or refuses. */
function snappyLength(block: Buffer): number {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = block.readUInt8(at);
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return length;
  }
  throw new Error('a snappy block has no length');
}

/** By the headers of a frame's blocks, of which none may be larger than the frame says. */
function lz4Bounds(compressed: Buffer): { bytesMax: number; blockBytesMax: number } {
  if (compressed.readUInt32LE(0) !== LZ4_MAGIC) throw new Error('it does not begin as an lz4 frame');
  const flags = compressed.readUInt8(4);
  const blockBytesMax = LZ4_BLOCK_BYTES[(compressed.readUInt8(5) >> 4) & 7];
  if (blockBytesMax === undefined) throw new Error('an lz4 frame has blocks of an unknown size');
  const checksumBytes = (flags & 0x10) === 0 ? 0 : 4;
  let at = 7 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4);
  let bytesMax = 0;
  for (;;) {
    const header = compressed.readUInt32LE(at);
    const size = header & 0x7fff_ffff;
    if (size === 0) return { bytesMax, blockBytesMax };
    const isStored = header >= 0x8000_0000;
    bytesMax += isStored ? size : Math.min(blockBytesMax, size * LZ4_RATIO_MAX);
    at += 4 + size + checksumBytes;
  }
}

/** How much the decoder would reserve at once: the window, or all of it where it is one segment. */
function zstdWindow(compressed: Buffer): number {
  if (compressed.readUInt32LE(0) !== ZSTD_MAGIC) throw new Error('it does not begin as a zstd frame');
  const descriptor = compressed.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) {
    const window = compressed.readUInt8(5);
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  switch (descriptor >> 6) {
    case 0:
      return compressed.readUInt8(at);
    case 1:
      return compressed.readUInt16LE(at) + 256;
    case 2:
      return compressed.readUInt32LE(at);
    default:
      return Number(compressed.readBigUInt64LE(at));
  }
}
