/** Whether a number changed by more than it varies by itself. */
const SAMPLES_MIN = 3;

/**
 * Whether a number changed more than it varies by itself. With repeated measurements on both sides it did when their
 * ranges do not touch; with single ones, when it moved by more than `RELATIVE_NOISE`.
 */
export const RELATIVE_NOISE = 0.1;

export type Direction = 'higher' | 'lower';

export type Change = 'better' | 'worse' | 'changed' | 'within noise' | 'same';

export interface Sampled {
  readonly value: number;
  readonly samples?: readonly number[] | undefined;
}

export function changeOf(before: Sampled, after: Sampled, better: Direction | undefined): Change {
  if (before.value === after.value) return 'same';
  if (!isBeyondNoise(before, after)) return 'within noise';
  if (better === undefined) return 'changed';
  return after.value > before.value === (better === 'higher') ? 'better' : 'worse';
}

/** How noise was told from change, for the reader. */
export function basisOf(before: Sampled, after: Sampled): string {
  const [left, right] = [before.samples?.length ?? 0, after.samples?.length ?? 0];
  return hasSpread(before) && hasSpread(after) ? `ranges of ${left} and ${right} runs` : `${RELATIVE_NOISE * 100}%`;
}

function isBeyondNoise(before: Sampled, after: Sampled): boolean {
  if (hasSpread(before) && hasSpread(after)) {
    const [left, right] = [rangeOf(before), rangeOf(after)];
    return left.max < right.min || right.max < left.min;
  }
  return Math.abs(after.value - before.value) > RELATIVE_NOISE * Math.abs(before.value);
}

function hasSpread({ samples }: Sampled): boolean {
  return (samples?.length ?? 0) >= SAMPLES_MIN;
}

function rangeOf({ value, samples = [] }: Sampled): { min: number; max: number } {
  return { min: Math.min(value, ...samples), max: Math.max(value, ...samples) };
}
