/** Straight lines through measured points. Pure. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Slope of the least-squares line; 0 where there is no line. */
export function slopePerSecond(points: readonly Point[]): number {
  const count = points.length;
  if (count < 2) return 0;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count;
  const variance = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const covariance = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  return variance === 0 ? 0 : covariance / variance;
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  if (high === undefined) return null;
  if (sorted.length % 2 === 1 || low === undefined) return high;
  const mean = (low + high) / 2;
  // The sum of the largest numbers is infinite.
  return Number.isFinite(mean) ? mean : low / 2 + high / 2;
}
