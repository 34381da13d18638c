/** Looks again and again, until it is so or the time is over. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Wait {
  readonly limitMs: number;
  readonly intervalMs: number;
}

/** Rejects with `failure` when the time is over, and with whatever a look rejects with. */
export async function until(
  look: () => Promise<boolean>,
  failure: Error,
  { limitMs, intervalMs }: Wait,
): Promise<void> {
  const giveUpAtMs = performance.now() + limitMs;
  while (!(await look())) {
    if (performance.now() > giveUpAtMs) throw failure;
    await sleep(intervalMs);
  }
}
