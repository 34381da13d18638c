/**
 * Runs one task again and again: never two runs at once, the next one `intervalMs` after the end of the last. A run
 * that fails is reported and does not end the repetition. After `stop` resolves no run is going on or will begin.
 */
export class Repeating {
  private readonly task: () => Promise<void>;
  private readonly intervalMs: number;
  private readonly onError: (error: unknown) => void;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private isStarted = false;

  constructor(task: () => Promise<void>, intervalMs: number, onError: (error: unknown) => void) {
    this.task = task;
    this.intervalMs = intervalMs;
    this.onError = onError;
  }

  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.arm();
  }

  /** No new run begins after this call; resolves when the current one has ended. */
  async stop(): Promise<void> {
    this.isStarted = false;
    clearTimeout(this.timer);
    await this.running;
  }

  private arm(): void {
    this.timer = setTimeout(() => {
      this.running = this.runOnce();
    }, this.intervalMs);
  }

  private async runOnce(): Promise<void> {
    try {
      await this.task();
    } catch (error) {
      this.onError(error);
    }
    this.running = undefined;
    if (this.isStarted) this.arm();
  }
}
