/** Both clocks of a run: monotonic since the run began, for durations, and wall, to lay records beside each other. */
export class RunClock {
  readonly startedAt = new Date();
  private readonly startedAtMonoMs = performance.now();

  monoMs(): number {
    return Math.round((performance.now() - this.startedAtMonoMs) * 1_000) / 1_000;
  }

  now(): { readonly monoMs: number; readonly wallMs: number } {
    return { monoMs: this.monoMs(), wallMs: Date.now() };
  }
}
