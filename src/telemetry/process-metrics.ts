/**
 * What the process itself has to tell: build, memory, CPU, garbage collection, event-loop delay. The delay is read
 * and reset at each scrape, so a value always speaks of the time since the scrape before.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { collectDefaultMetrics } from 'prom-client';
import type { Service } from '../lifecycle.ts';
import type { Metrics } from './metrics.ts';

const RESOLUTION_MS = 10;
const NANOSECONDS_PER_SECOND = 1e9;

export class ProcessMetrics implements Service {
  readonly name = 'process-metrics';
  private eventLoopDelay: IntervalHistogram | undefined;

  constructor(
    private readonly metrics: Metrics,
    private readonly labels: { readonly version: string; readonly instance: string },
  ) {}

  async start(): Promise<void> {
    if (this.eventLoopDelay !== undefined) {
      return;
    }
    this.metrics.buildInfo.set(this.labels, 1);
    collectDefaultMetrics({ register: this.metrics.registry });
    this.eventLoopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.eventLoopDelay.enable();
  }

  async stop(): Promise<void> {
    this.eventLoopDelay?.disable();
  }

  /** All metrics as text for Prometheus. */
  async scrape(): Promise<{ readonly contentType: string; readonly text: string }> {
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
