/** Shows one part to people while it runs: a live table on a terminal, a plain line every two seconds elsewhere. */

import type { WorkerProcess } from '../../cluster/worker-process.ts';
import type { PublishProgress } from '../../generator/producer.ts';
import { LiveScreen, type ScreenOutput } from './live-screen.ts';
import type { LiveState } from './live-state.ts';

export interface DisplaySubject {
  readonly title: string;
  readonly workers: readonly WorkerProcess[];
  readonly phase: () => string;
  readonly totals: () => { readonly inputs: number; readonly slots: number; readonly batches: number };
}

const BEAT_MS = 1_000;

export class LiveDisplay {
  private readonly screen: LiveScreen;
  private readonly subject: DisplaySubject;
  private readonly startedAtMs = performance.now();
  private sentBefore = 0;
  private sentNow = 0;
  private state: LiveState | null = null;
  private work: string | null = null;

  constructor(output: ScreenOutput, useColour: boolean, subject: DisplaySubject) {
    this.screen = new LiveScreen(output, useColour);
    this.subject = subject;
  }

  say(line: string): void {
    this.screen.say(`  ${line}`);
  }

  notePublished({ published }: PublishProgress): void {
    // A further load counts from zero again.
    if (published < this.sentNow) this.sentBefore += this.sentNow;
    this.sentNow = published;
    this.draw();
  }

  noteState(state: LiveState): void {
    this.state = state;
    this.draw();
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

  private draw(): void {
    const { state, subject } = this;
    if (state === null) return;
    this.screen.show({
      phase: `${subject.title}, ${this.work ?? subject.phase()}`,
      elapsedMs: performance.now() - this.startedAtMs,
      published: this.sentBefore + this.sentNow,
      ...subject.totals(),
      workers: subject.workers.map(({ name, running }) => ({ name, running })),
      state,
    });
  }
}
