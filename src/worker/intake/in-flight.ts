/** How many pieces of work are under way, and the moment when none is. */
export class InFlight {
  private current = 0;
  private waiting: (() => void)[] = [];

  get count(): number {
    return this.current;
  }

  begin(): void {
    this.current += 1;
  }

  end(): void {
    this.current -= 1;
    if (this.current > 0) return;
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Resolves when nothing is under way. */
  async none(): Promise<void> {
    if (this.current === 0) return;
    await new Promise<void>((resolve) => {
      this.waiting.push(resolve);
    });
  }
}
