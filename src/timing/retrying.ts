/** Calls until a call succeeds, with a backoff between the tries. Rejects with the error of the last one. */
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from './backoff.ts';

export interface Retry {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** Asked after each failure, counted from 1. When it says no, the call's error is thrown. */
  readonly mayRetry: (error: unknown, failureCount: number) => boolean;
  /** Aborted, it ends the wait for the next try, and with it the tries. */
  readonly signal?: AbortSignal | undefined;
}

export async function retrying<T>(call: () => Promise<T>, retry: Retry): Promise<T> {
  for (let failureCount = 1; ; failureCount += 1) {
    try {
      return await call();
    } catch (error) {
      if (!retry.mayRetry(error, failureCount)) throw error;
      const delayMs = backoffMs(failureCount, retry.delayMinMs, retry.delayMaxMs);
      // Rejects only when it is aborted.
      await delay(delayMs, undefined, { signal: retry.signal }).catch(() => undefined);
      if (retry.signal?.aborted === true) throw error;
    }
  }
}
