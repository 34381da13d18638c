/** One timer that rings at the earliest of the moments it was set to. Times are monotonic (`performance.now()`). */
export class Alarm {
  private readonly ring: () => void;
  private timer: NodeJS.Timeout | undefined;
  private atMs = Number.POSITIVE_INFINITY;

  constructor(ring: () => void) {
    this.ring = ring;
  }

  /** Ignored when it is set to an earlier moment, or to never (infinity). */
  setTo(atMs: number, nowMs: number): void {
    if (atMs >= this.atMs) return;
    this.clear();
    this.atMs = atMs;
    const ring = () => {
      this.atMs = Number.POSITIVE_INFINITY;
      this.ring();
    };
    this.timer = setTimeout(ring, Math.max(1, Math.ceil(atMs - nowMs)));
  }

  clear(): void {
    clearTimeout(this.timer);
    this.atMs = Number.POSITIVE_INFINITY;
  }
}
