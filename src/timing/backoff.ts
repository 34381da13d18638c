/**
 * The wait before attempt `failureCount + 1`: doubles from `minMs` to `maxMs`, the upper half of it random, so that
 * processes that failed together do not come back together. Always within [minMs / 2, maxMs].
 */
export function backoffMs(failureCount: number, minMs: number, maxMs: number, random = Math.random): number {
  // Past 2^30 the product would leave the exact integers; every sensible maximum is reached long before.
  const fullMs = Math.min(maxMs, minMs * 2 ** Math.min(Math.max(failureCount - 1, 0), 30));
  return fullMs / 2 + (random() * fullMs) / 2;
}
