/**
 * Waits for a promise, but not longer than `waitMs`: true when it settled in time, false when time ran out. The promise
 * itself goes on; whoever started it owns its failure, which is why a rejection also counts as settled here.
 */
export async function settledWithin(promise: Promise<unknown>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, waitMs));
  });
  const settled = promise.then(
    () => true as const,
    () => true as const,
  );
  try {
    return await Promise.race([settled, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
