/**
 * Spares callers the wait for a server that does not answer. Closed: all pass. Open: none. After `openMs` exactly one
 * passes as a probe; its outcome closes the breaker or opens it anew. Every call that `admits` let pass must end in
 * `succeeded` or `failed`.
 */

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failuresMax: number;
  /** How long it stays open before one probe is let through. */
  readonly openMs: number;
}

export class Breaker {
  private readonly options: BreakerOptions;
  private readonly nowMs: () => number;
  private failureCount = 0;
  private openedAtMs: number | undefined;
  private isProbing = false;

  constructor(options: BreakerOptions, nowMs: () => number = () => performance.now()) {
    this.options = options;
    this.nowMs = nowMs;
  }

  get isClosed(): boolean {
    return this.openedAtMs === undefined;
  }

  admits(): boolean {
    if (this.openedAtMs === undefined) return true;
    if (this.isProbing || this.nowMs() - this.openedAtMs < this.options.openMs) return false;
    this.isProbing = true;
    return true;
  }

  succeeded(): void {
    this.failureCount = 0;
    this.openedAtMs = undefined;
    this.isProbing = false;
  }

  failed(): void {
    this.failureCount += 1;
    const mustOpen = this.isProbing || (this.isClosed && this.failureCount >= this.options.failuresMax);
    this.isProbing = false;
    if (mustOpen) this.openedAtMs = this.nowMs();
  }
}
