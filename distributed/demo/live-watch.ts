import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerProcess } from '../cluster/worker-process.ts';
import type { Load } from '../generator/plan.ts';
import type { PublishProgress } from '../generator/producer.ts';
import type { LiveScreen } from './live-screen.ts';
import type { LiveState, LiveStateReader } from './live-state.ts';

/** Looks at the service a few times a second and shows it, until stopped. A look that fails is left out. */
export class LiveWatch {
  phase = '';
  lastState: LiveState | null = null;
  private readonly deps: {
    readonly reader: LiveStateReader;
    readonly screen: LiveScreen;
    readonly load: Load;
    readonly workers: readonly WorkerProcess[];
  };
  private published = 0;
  private startedAtMs = 0;
  private loop: Promise<void> | null = null;
  private stopped = false;

  constructor(deps: LiveWatch['deps']) {
    this.deps = deps;
  }

  start(phase: string): void {
    this.phase = phase;
    this.startedAtMs = Date.now();
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.loop;
    this.deps.screen.close();
  }

  notePublished(progress: PublishProgress): void {
    this.published = progress.published;
  }

  /** Share of the load that is resolved, 0 to 1. */
  get progress(): number {
    const resolved = this.published - (this.lastState?.lag ?? this.published);
    return Math.max(0, resolved) / this.deps.load.manifest.totals.inputs;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.lastState = await this.deps.reader.read().catch(() => this.lastState);
      if (this.lastState !== null && !this.stopped) {
        this.show(this.lastState);
      }
      await sleep(LOOK_INTERVAL_MS);
    }
  }

  private show(state: LiveState): void {
    const { inputs, slots, batches } = this.deps.load.manifest.totals;
    this.deps.screen.show({
      phase: this.phase,
      elapsedMs: Date.now() - this.startedAtMs,
      published: this.published,
      inputs,
      slots,
      batches,
      workers: this.deps.workers.map(({ name, running }) => ({ name, running })),
      state,
    });
  }
}

const LOOK_INTERVAL_MS = 220;
