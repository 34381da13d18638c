import { randomBytes } from 'node:crypto';
import { types } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { snappyBlocksOf, zstdBomb, zstdOfStored } from '../../distributed/generator/compressed-frames.ts';
import { ExpandsTooFarError, gzip, lz4, snappy, zstd } from '../../src/kafka/decompressors.ts';

const LIMIT = 1024 * 1024;
const TEXT = Buffer.from('an essay about compression, '.repeat(5_000));
const ZEROS = Buffer.alloc(20 * LIMIT);

const CODECS = [
  { codec: gzip, of: (bytes: Buffer) => gzipSync(bytes), bomb: () => gzipSync(ZEROS) },
  { codec: snappy, of: (bytes: Buffer) => compressSync(bytes), bomb: () => compressSync(ZEROS) },
  { codec: lz4, of: (bytes: Buffer) => compressFrameSync(bytes), bomb: () => compressFrameSync(ZEROS) },
  { codec: zstd, of: zstdOfStored, bomb: () => zstdBomb(20 * LIMIT) },
] as const;

describe.each(CODECS)('$codec.name', ({ codec, of, bomb }) => {
  test('gives back what was compressed, up to the limit', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('x'), TEXT, randomBytes(LIMIT), Buffer.alloc(LIMIT)]) {
      expect((await codec.decompress(of(bytes), LIMIT)).equals(bytes)).toBe(true);
    }
  });

  test('is stopped when it expands too far', async () => {
    await expect(codec.decompress(bomb(), LIMIT)).rejects.toThrow(ExpandsTooFarError);
    expect(bomb().length).toBeLessThan(LIMIT);
  });

  test('rejects what is damaged and never hangs on it', async () => {
    const whole = of(TEXT);
    await expect(codec.decompress(whole.subarray(0, whole.length / 2), LIMIT)).rejects.toThrow();
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        const result = await codec.decompress(bytes, LIMIT).catch((error: unknown) => error);
        if (Buffer.isBuffer(result)) expect(result.length).toBeLessThanOrEqual(LIMIT + 4 * LIMIT);
        else expect(types.isNativeError(result)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('rejects arbitrary bytes or reads them within the limit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const result = await codec.decompress(Buffer.from(bytes), LIMIT).catch((error: unknown) => error);
        if (!Buffer.isBuffer(result)) expect(types.isNativeError(result)).toBe(true);
      }),
    );
  });
});

test('snappy in the blocks of the Java client is read, and all blocks count for the limit', async () => {
  expect((await snappy.decompress(snappyBlocksOf(TEXT), LIMIT)).equals(TEXT)).toBe(true);
  await expect(snappy.decompress(snappyBlocksOf(Buffer.alloc(LIMIT + 1)), LIMIT)).rejects.toThrow(ExpandsTooFarError);
});

test('a zstd frame that asks for a window of gigabytes reserves none', async () => {
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00]);
  await expect(zstd.decompress(frame, LIMIT)).rejects.toThrow(ExpandsTooFarError);
});
