/**
 * Prometheus beside a whole command of the harness, filled while parts run: by the workers at whatever address they
 * have now, by the exporters of the servers, by the run itself. What it gathered is kept in the run's directory. It
 * ends with the command, and with the process however that ends.
 */
import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Guardian } from '../stack/process/guardian.ts';
import type { Progress } from '../stack/process/progress.ts';
import { EXPORTED, type Exported, exporterProgram } from '../stack/servers/exporters.ts';
import { type StartedPrometheus, startPrometheus } from '../stack/servers/prometheus.ts';
import { ObservedPart, type Surroundings } from './observed-part.ts';
import { takeSnapshot } from './prometheus-client.ts';
import { RunMetrics } from './run-metrics.ts';

/** Faults and parts last seconds. */
const SCRAPE_INTERVAL_MS = 1_000;
/** Two scrapes, and one that comes late. */
const LINGER_MS = 2.5 * SCRAPE_INTERVAL_MS;
const TELLINGS_MIN = 3;
/** In the run's directory. */
const KEPT_FOLDER = 'prometheus';

export interface ObservationOptions {
  readonly onProgress: Progress;
  readonly signal: AbortSignal;
}

export class Observation implements Surroundings {
  readonly scrapeIntervalMs = SCRAPE_INTERVAL_MS;
  readonly metrics: RunMetrics;
  readonly programs = new Map<Exported, string>();
  readonly guardian: Guardian;
  readonly dataDir: string;
  readonly onProgress: Progress;
  readonly signal: AbortSignal;
  private part: ObservedPart | null = null;
  private prometheus: StartedPrometheus | null = null;

  private constructor(dataDir: string, options: ObservationOptions) {
    this.dataDir = dataDir;
    this.onProgress = options.onProgress;
    this.signal = options.signal;
    this.guardian = new Guardian(dataDir);
    this.metrics = new RunMetrics({
      lingerMs: LINGER_MS,
      tellingsMin: TELLINGS_MIN,
      targets: () => this.part?.targets() ?? [],
      pageOf: (path) => this.part?.pageOf(path) ?? null,
    });
  }

  static async start(options: ObservationOptions): Promise<Observation> {
    const observation = new Observation(await mkdtemp(join(tmpdir(), 'els-observe-')), options);
    try {
      await observation.open();
      return observation;
    } catch (error) {
      await observation.stop();
      throw error;
    }
  }

  get url(): string {
    return this.prometheus?.url ?? '';
  }

  /** Phases and faults are this part's from here on. */
  beginPart(scenario: string): ObservedPart {
    this.metrics.beginScenario(scenario);
    this.part = new ObservedPart(this, scenario);
    return this.part;
  }

  /** Copies the samples into the run's directory, to be opened by any Prometheus. */
  async keep(directory: string): Promise<void> {
    if (this.prometheus === null) return;
    const name = await takeSnapshot(this.url);
    await cp(join(this.prometheus.storage, 'snapshots', name), join(directory, KEPT_FOLDER), { recursive: true });
  }

  /** Idempotent; nothing is left. */
  async stop(): Promise<void> {
    await this.part?.end();
    await this.prometheus?.server.abandon();
    this.prometheus = null;
    await this.metrics.stop().catch(() => undefined);
    await this.guardian.release();
  }

  private async open(): Promise<void> {
    const { guardian, dataDir, onProgress, signal } = this;
    for (const kind of EXPORTED) {
      const program = await exporterProgram(kind, { guardian, signal, onProgress });
      if (program === null) onProgress(`no exporter of ${kind} on this machine: its panels stay empty`);
      else this.programs.set(kind, program);
    }
    await this.metrics.start();
    this.prometheus = await startPrometheus({
      discoveryUrl: this.metrics.discoveryUrl,
      dataDir,
      guardian,
      onProgress,
      signal,
      scrapeIntervalMs: SCRAPE_INTERVAL_MS,
    });
    onProgress(`${this.prometheus.description}: ${this.url}`);
  }
}
