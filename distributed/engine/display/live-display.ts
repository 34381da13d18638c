/** Shows one part to people while it runs: a live table on a terminal, a plain line every two seconds elsewhere. */
import type { LoadTotals, PartEvents, ShownWorker } from '../part-events.ts';
import { LiveScreen, type ScreenOutput } from './live-screen.ts';
import type { LiveState } from './live-state.ts';

const BEAT_MS = 1_000;

export class LiveDisplay {
  private readonly screen: LiveScreen;
  private readonly title: string;
  private readonly startedAtMs = performance.now();
  private workers: readonly ShownWorker[] = [];
  private phase = 'preparing';
  private totals: LoadTotals = { inputs: 0, slots: 0, batches: 0 };
  private sentBefore = 0;
  private sentNow = 0;
  private state: LiveState | null = null;
  private work: string | null = null;

  constructor(output: ScreenOutput, useColour: boolean, title: string, events: PartEvents) {
    this.screen = new LiveScreen(output, useColour);
    this.title = title;
    this.listen(events);
  }

  /** Says what is being done when the run itself is over, as long as it takes. */
  async during<T>(work: string, run: () => Promise<T>): Promise<T> {
    this.work = work;
    const beat = setInterval(() => this.draw(), BEAT_MS);
    try {
      return await run();
    } finally {
      clearInterval(beat);
      this.work = null;
    }
  }

  close(): void {
    this.screen.close();
  }

  private listen(events: PartEvents): void {
    events.on('note', (text) => this.screen.say(`  ${text}`));
    events.on('workers', (workers) => {
      this.workers = workers;
    });
    events.on('phase', (name) => {
      this.phase = name;
    });
    events.on('load', (totals) => {
      // A further load counts from zero again.
      this.sentBefore += this.sentNow;
      this.sentNow = 0;
      this.totals = totals;
    });
    events.on('published', ({ published }) => {
      this.sentNow = published;
      this.draw();
    });
    events.on('state', (state) => {
      this.state = state;
      this.draw();
    });
  }

  private draw(): void {
    const { state } = this;
    if (state === null) return;
    this.screen.show({
      phase: `${this.title}, ${this.work ?? this.phase}`,
      elapsedMs: performance.now() - this.startedAtMs,
      published: this.sentBefore + this.sentNow,
      ...this.totals,
      workers: this.workers.map(({ name, running }) => ({ name, running })),
      state,
    });
  }
}
