/**
 * Asks again and again while somebody looks, one question at a time. The pause is the asker's choice after each answer,
 * and longer by chance, so that many pages that were opened together do not ask together.
 */
const SPREAD = 0.25;

export class RepeatedQuestion {
  private readonly question: (signal: AbortSignal) => Promise<number>;
  private readonly end = new AbortController();
  private timer: number | undefined;
  private isAsking = false;

  /** The question answers the milliseconds until it is asked again, and never throws. */
  constructor(question: (signal: AbortSignal) => Promise<number>) {
    this.question = question;
    const { signal } = this.end;
    document.addEventListener('visibilitychange', () => this.soon(0), { signal });
    this.soon(0);
  }

  /** At the latest in `waitMs`. */
  soon(waitMs: number): void {
    if (this.isAsking || this.end.signal.aborted) return;
    window.clearTimeout(this.timer);
    if (!document.hidden) this.timer = window.setTimeout(() => void this.askOnce(), waitMs);
  }

  stop(): void {
    this.end.abort();
    window.clearTimeout(this.timer);
  }

  private async askOnce(): Promise<void> {
    this.isAsking = true;
    const waitMs = await this.question(this.end.signal);
    this.isAsking = false;
    this.soon(waitMs * (1 + SPREAD * Math.random()));
  }
}
