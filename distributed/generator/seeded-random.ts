/** Seeds are whole numbers from 0 up to this, exclusively. */
export const SEED_LIMIT = 2 ** 31;

/**
 * Random numbers and ids that are the same in every run with the same seed, on every machine. xoshiro128** (Blackman
 * and Vigna), seeded by splitmix32, so that neighbouring seeds give unrelated streams. Not for secrets.
 */
export class SeededRandom {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** Each stream of a seed is independent, so that one batch can be planned without planning the others. */
  constructor(seed: number, stream: number) {
    let state = (mix(seed) ^ mix(stream + 0x51ed270b)) >>> 0;
    const next = () => {
      state = (state + 0x9e3779b9) >>> 0;
      return mix(state);
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next() | 1;
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.b, 5), 7), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = rotateLeft(this.d, 11);
    return result / 0x1_0000_0000;
  }

  /** True in `percent` of 100 calls. */
  chance(percent: number): boolean {
    return this.fraction() * 100 < percent;
  }
}

/** What an id is for; two ids of one load differ whenever any of their coordinates do. */
export const ID_KINDS = ['batch', 'essay', 'text', 'upload', 'event', 'correlation', 'user', 'registration'] as const;

export interface IdCoordinates {
  readonly seed: number;
  readonly kind: (typeof ID_KINDS)[number];
  readonly batchIndex: number;
  readonly index: number;
  /** Distinguishes the events that carry the same thing; below 8 192. */
  readonly copy: number;
}

/**
 * A well-formed version 4 UUID. Batch index, index, kind and copy are permuted into separate digits, so ids of one
 * seed cannot collide; the remaining digits are a digest that keeps different seeds apart.
 */
export function seededUuid(at: IdCoordinates): string {
  const seed = mix(at.seed);
  const batch = mix((at.batchIndex ^ seed) >>> 0);
  const index = mix((at.index ^ batch) >>> 0);
  const kindAndCopy = (ID_KINDS.indexOf(at.kind) * 8192 + at.copy + (index & 0xffff)) & 0xffff;
  const digest = mix((seed ^ mix(batch ^ mix(index ^ mix(kindAndCopy)))) >>> 0);
  const more = mix((digest ^ seed) >>> 0);
  const first = hex(batch, 8);
  const digestDigits = hex(digest, 8);
  const variant = '89ab'.charAt(more & 3);
  const tail = `${hex(more >>> 20, 3)}${hex(index, 8)}${hex(kindAndCopy, 4)}`;
  return `${first}-${digestDigits.slice(0, 4)}-4${digestDigits.slice(4, 7)}-${variant}${tail.slice(0, 3)}-${tail.slice(3)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** A permutation of the 32-bit numbers (the finaliser of splitmix32). */
function mix(value: number): number {
  let z = value >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}
