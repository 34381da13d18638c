/**
 * Lets callers pass at a bounded rate, first come, first served. Who would have to wait for too long is refused, but only
 * after that time: refused at once, callers in a loop would come faster than those who are served, and a refusal costs
 * as much as an answer. Only where a crowd waits already is there no more waiting.
 */
import { setTimeout as delay } from 'node:timers/promises';

const WAITING_MAX = 1000;

export class Pace {
  private readonly intervalMs: number;
  private readonly burstMs: number;
  private readonly waitMsMax: number;
  /** When the next one's turn is. */
  private nextAtMs = 0;
  private waitingCount = 0;

  constructor(options: { readonly perSecondMax: number; readonly waitMsMax: number; readonly burstMs: number }) {
    this.intervalMs = 1000 / options.perSecondMax;
    this.burstMs = options.burstMs;
    this.waitMsMax = options.waitMsMax;
  }

  /** True when its turn has come, false when it would come too late. */
  async turn(): Promise<boolean> {
    if (this.waitingCount >= WAITING_MAX) return false;
    const nowMs = performance.now();
    const atMs = Math.max(this.nextAtMs, nowMs - this.burstMs);
    const isTooLate = atMs - nowMs > this.waitMsMax;
    if (!isTooLate) this.nextAtMs = atMs + this.intervalMs;
    const waitMs = isTooLate ? this.waitMsMax : atMs - nowMs;
    if (waitMs > 0) {
      this.waitingCount += 1;
      await delay(waitMs);
      this.waitingCount -= 1;
    }
    return !isTooLate;
  }
}
