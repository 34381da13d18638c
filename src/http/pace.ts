/**
 * Lets callers pass at a bounded rate, first come, first served. Who would have to wait for too long is told at once,
 * so no more wait than pass in that time.
 */
import { setTimeout as delay } from 'node:timers/promises';

export class Pace {
  private readonly intervalMs: number;
  private readonly burstMs: number;
  private readonly waitMsMax: number;
  /** When the next one's turn is. */
  private nextAtMs = 0;

  constructor(options: { readonly perSecondMax: number; readonly waitMsMax: number; readonly burstMs: number }) {
    this.intervalMs = 1000 / options.perSecondMax;
    this.burstMs = options.burstMs;
    this.waitMsMax = options.waitMsMax;
  }

  /** True when its turn has come, false when it would come too late. */
  async turn(): Promise<boolean> {
    const nowMs = performance.now();
    const atMs = Math.max(this.nextAtMs, nowMs - this.burstMs);
    if (atMs - nowMs > this.waitMsMax) return false;
    this.nextAtMs = atMs + this.intervalMs;
    if (atMs > nowMs) await delay(atMs - nowMs);
    return true;
  }
}
