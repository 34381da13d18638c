/** Waits for a condition with a deadline, never for a time. */
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 15;

/** The first value that is neither false nor undefined; fails after `deadlineMs` and says what did not happen. */
export async function waitFor<T>(
  condition: () => T | false | undefined | Promise<T | false | undefined>,
  options: { readonly deadlineMs: number; readonly what: string },
): Promise<T> {
  const endMs = Date.now() + options.deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value;
    if (Date.now() > endMs) throw new Error(`not within ${options.deadlineMs} ms: ${options.what}`);
    await sleep(POLL_MS);
  }
}
