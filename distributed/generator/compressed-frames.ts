/**
 * What other producers write: snappy in the blocks of the Java client, and frames of zstd made without an encoder, of
 * blocks that are stored or of one byte again and again.
 */
import { compressSync, uncompressSync } from 'snappy';

const MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const BLOCK_BYTES_MAX = 128 * 1024;
/** No checksum, no size of the content, a window of 1 MiB. */
const HEADER: Buffer = Buffer.from([0x00, (20 - 10) << 3]);
const XERIAL_HEADER_BYTES = 16;
const XERIAL_BLOCK_BYTES = 32 * 1024;

export function zstdOfStored(bytes: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += BLOCK_BYTES_MAX) {
    const block = bytes.subarray(at, at + BLOCK_BYTES_MAX);
    blocks.push(blockHeader({ isLast: at + BLOCK_BYTES_MAX >= bytes.length, type: 0, size: block.length }), block);
  }
  return Buffer.concat([MAGIC, HEADER, ...blocks]);
}

export function zstdBomb(size: number): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < size; at += BLOCK_BYTES_MAX) {
    const isLast = at + BLOCK_BYTES_MAX >= size;
    blocks.push(blockHeader({ isLast, type: 1, size: Math.min(BLOCK_BYTES_MAX, size - at) }), Buffer.from([0]));
  }
  return Buffer.concat([MAGIC, HEADER, ...blocks]);
}

export function snappyBlocksOf(bytes: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from('\x82SNAPPY\0', 'latin1'), Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])];
  for (let at = 0; at < bytes.length; at += XERIAL_BLOCK_BYTES) {
    const block = compressSync(bytes.subarray(at, at + XERIAL_BLOCK_BYTES));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

/** With blocks or bare. */
export function uncompressSnappy(bytes: Buffer): Buffer {
  if (bytes.readUInt8(0) !== 0x82) return uncompressSync(bytes) as Buffer;
  const parts: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    parts.push(uncompressSync(bytes.subarray(at + 4, end)) as Buffer);
    at = end;
  }
  return Buffer.concat(parts);
}

function blockHeader({ isLast, type, size }: { isLast: boolean; type: 0 | 1; size: number }): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((isLast ? 1 : 0) + type * 2 + size * 8, 0, 3);
  return header;
}
