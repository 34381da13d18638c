import { Writable } from 'node:stream';
import type { BatchStatus, EssayStatus, StatusReader } from '../../src/domain/status.ts';
import { HealthCheck, type HealthProbe } from '../../src/http/health.ts';
import type { HttpServerDeps } from '../../src/http/server.ts';
import type { Phase } from '../../src/lifecycle.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { ProcessMetrics } from '../../src/telemetry/process-metrics.ts';

/** A read side that lives in memory; `failure` is thrown instead of any answer. */
export class MemoryStatusReader implements StatusReader {
  readonly batches = new Map<string, BatchStatus>();
  readonly essays = new Map<string, EssayStatus>();
  failure: Error | null = null;
  asked = 0;

  async batch(batchId: string): Promise<BatchStatus | null> {
    return this.answer(this.batches.get(batchId));
  }

  async essay(essayId: string): Promise<EssayStatus | null> {
    return this.answer(this.essays.get(essayId));
  }

  private answer<T>(value: T | undefined): T | null {
    this.asked += 1;
    if (this.failure !== null) {
      throw this.failure;
    }
    return value ?? null;
  }
}

/** Everything an HTTP server needs, its dependencies in memory and its log readable. */
export function httpServerDeps(given: { probes?: HealthProbe[]; phase?: () => Phase } = {}) {
  const logged: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk));
      done();
    },
  });
  const log = createLogger({ level: 'info', instance: 'test' }, sink);
  const status = new MemoryStatusReader();
  const metrics = new Metrics();
  const processMetrics = new ProcessMetrics(metrics, { version: '1.2.3', instance: 'test' });
  const deps: HttpServerDeps = {
    status,
    readsPerSecondMax: 10_000,
    requests: metrics.httpRequests,
    health: new HealthCheck({
      probes: given.probes ?? [],
      phase: given.phase ?? (() => 'running'),
      checkTimeoutMs: 100,
      freshMs: 0,
      metrics,
      log,
    }),
    metrics: processMetrics,
    identity: { instance: 'test-1', role: 'worker', environment: 'test', startedAtMs: 0 },
    clock: { nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5) },
    log,
  };
  return { deps, status, processMetrics, logged };
}
