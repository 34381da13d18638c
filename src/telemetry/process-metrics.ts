/**
 * What the process itself has to tell: build, memory, CPU, garbage collection, event-loop delay. The delay is read
 * and reset at each scrape, so a value always speaks of the time since the scrape before. Scrapes that come together
 * share one text: making it takes milliseconds of the event loop.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { collectDefaultMetrics } from 'prom-client';
import type { Service } from '../lifecycle.ts';
import type { Metrics } from './metrics.ts';

/** Each look wakes the process: at 10 ms that was a third of what an idle worker costs. */
const RESOLUTION_MS = 50;
const SHARED_MS = 200;
const NANOSECONDS_PER_SECOND = 1e9;

interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

export class ProcessMetrics implements Service {
  readonly name = 'process-metrics';
  private eventLoopDelay: IntervalHistogram | undefined;
  private latest: { readonly atMs: number; readonly scrape: Promise<Scrape> } | undefined;

  constructor(
    private readonly metrics: Metrics,
    private readonly labels: { readonly version: string; readonly instance: string },
  ) {}

  async start(): Promise<void> {
    if (this.eventLoopDelay !== undefined) {
      return;
    }
    this.metrics.buildInfo.set(this.labels, 1);
    collectDefaultMetrics({ register: this.metrics.registry, eventLoopMonitoringPrecision: RESOLUTION_MS });
    this.eventLoopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.eventLoopDelay.enable();
  }

  async stop(): Promise<void> {
    this.eventLoopDelay?.disable();
  }

  /** All metrics as text for Prometheus. */
  scrape(): Promise<Scrape> {
    const nowMs = performance.now();
    if (this.latest === undefined || nowMs - this.latest.atMs >= SHARED_MS) {
      this.latest = { atMs: nowMs, scrape: this.read() };
    }
    return this.latest.scrape;
  }

  private async read(): Promise<Scrape> {
    const delay = this.eventLoopDelay;
    if (delay !== undefined && delay.count > 0) {
      // The timer that measures is itself late by its resolution when nothing is wrong.
      const lagSeconds = delay.percentile(99) / NANOSECONDS_PER_SECOND - RESOLUTION_MS / 1000;
      this.metrics.eventLoopLag.set(Math.max(0, lagSeconds));
      delay.reset();
    }
    const { registry } = this.metrics;
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}
