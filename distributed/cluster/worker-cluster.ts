/**
 * The workers of one run. A worker that ends by itself is started again after a moment, as any orchestrator would,
 * at most `RESTARTS_MAX` times; each such end is counted and none is hidden.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Guardian } from '../stack/process/guardian.ts';
import { WorkerProcess } from './worker-process.ts';

/** For a worker to start and be ready, on a busy machine too. */
export const READY_MS_MAX = 60_000;
/** For a worker to stop in order: its own grace, and some. */
export const STOP_GRACE_MS = 25_000;
const RESTART_DELAY_MS = 1_000;
const RESTARTS_MAX = 5;

export interface ClusterSettings {
  readonly workers: number;
  readonly root: string;
  readonly program: string;
  /** Of the worker of this index and name. */
  readonly envOf: (index: number, name: string) => Readonly<Record<string, string>>;
  readonly logFolder: string;
  /** What starts the worker of this index, for example within a limit of CPU. */
  readonly launcherOf?: (index: number) => readonly string[];
  readonly onNote: (note: string) => void;
}

export class WorkerCluster {
  readonly workers: readonly WorkerProcess[];
  private readonly guardian: Guardian;
  private readonly settings: ClusterSettings;
  private stopping = false;

  constructor(settings: ClusterSettings) {
    this.settings = settings;
    // The guardian removes its folder in the end, so it gets an empty one; logs stay.
    this.guardian = new Guardian(mkdtempSync(join(tmpdir(), 'els-workers-')));
    const { root, program, envOf, logFolder } = settings;
    this.workers = Array.from({ length: settings.workers }, (_, index) => {
      const name = `worker-${index + 1}`;
      const env = envOf(index, name);
      const launcher = settings.launcherOf?.(index) ?? [];
      const worker = new WorkerProcess({ name, root, program, env, logFolder, launcher, guardian: this.guardian });
      worker.onExit = (exit) => {
        if (!exit.asked) {
          this.settings.onNote(`${name} ended by itself (${exit.signal ?? `exit ${exit.code}`})`);
          this.restartLater(worker);
        }
      };
      return worker;
    });
  }

  async start(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.start()));
  }

  /** Resolves when all are ready, those that ended meanwhile and were started again too. */
  async waitReady(signal?: AbortSignal): Promise<void> {
    const giveUpAtMs = Date.now() + READY_MS_MAX;
    await Promise.all(this.workers.map((worker) => this.waitReadyAgain(worker, giveUpAtMs, signal)));
  }

  private async waitReadyAgain(worker: WorkerProcess, giveUpAtMs: number, signal?: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await worker.waitReady(giveUpAtMs - Date.now(), signal);
      } catch (error) {
        const willRestart = !worker.running && crashCountOf(worker) <= RESTARTS_MAX && Date.now() < giveUpAtMs;
        if (!willRestart || signal?.aborted === true) {
          throw error;
        }
        await sleep(RESTART_DELAY_MS * 1.5);
      }
    }
  }

  /** Ends nobody asked for. */
  get crashes(): readonly string[] {
    return this.workers.flatMap((worker) =>
      worker.exits.filter((exit) => !exit.asked).map((exit) => `${worker.name}: ${exit.signal ?? `exit ${exit.code}`}`),
    );
  }

  /** Idempotent; resolves when no worker is left. */
  async stop(): Promise<void> {
    this.stopping = true;
    try {
      await Promise.all(this.workers.map((worker) => worker.stop(STOP_GRACE_MS)));
    } finally {
      await this.guardian.release();
    }
  }

  private restartLater(worker: WorkerProcess): void {
    if (this.stopping || crashCountOf(worker) > RESTARTS_MAX) {
      return;
    }
    setTimeout(() => {
      if (!this.stopping && !worker.running) {
        worker.start().catch((error: Error) => this.settings.onNote(`${worker.name}: ${error.message}`));
      }
    }, RESTART_DELAY_MS);
  }
}

function crashCountOf(worker: WorkerProcess): number {
  return worker.exits.filter((exit) => !exit.asked).length;
}
