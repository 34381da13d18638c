import 'reflect-metadata';
import { type DependencyContainer, type InjectionToken, instanceCachingFactory, container as root } from 'tsyringe';
import type { AdminProgramDeps } from './admin/program.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config-schema.ts';
import { HealthCheck, type HealthProbe } from './http/health.ts';
import { HttpServer } from './http/server.ts';
import { Lifecycle, type Service } from './lifecycle.ts';
import { createLogger } from './telemetry/logger.ts';
import { Metrics } from './telemetry/metrics.ts';
import { ProcessMetrics } from './telemetry/process-metrics.ts';
import { VERSION } from './version.ts';

/**
 * What each program is made of; the only place that knows every class, and the only importer of tsyringe. Composing
 * opens nothing: `start` does. Tokens are the classes themselves, so a factory of the wrong class does not compile.
 */

/** What a bin runs: services in the order of their start. */
export class Program {
  constructor(
    private readonly lifecycle: Lifecycle,
    readonly services: readonly Service[],
  ) {}

  run(): Promise<void> {
    return this.lifecycle.runUntilSignal(this.services);
  }
}

/** A health check takes longer than a probe's own limits only when the event loop is blocked. */
const CHECK_TIMEOUT_MS = 1000;

export function composeWorker(config: Config): DependencyContainer {
  const c = root.createChildContainer();
  const single = <T>(token: InjectionToken<T>, make: () => T) =>
    c.register(token, { useFactory: instanceCachingFactory(make) });
  const logger = createLogger({ level: config.logLevel, instance: config.instanceId });
  const labels = { version: VERSION, instance: config.instanceId };
  const probes: readonly HealthProbe[] = [];

  single(Lifecycle, () => new Lifecycle({ graceMs: config.shutdownGraceMs, logger }));
  single(Metrics, () => new Metrics());
  single(ProcessMetrics, () => new ProcessMetrics(c.resolve(Metrics), labels));
  single(HealthCheck, () => {
    const lifecycle = c.resolve(Lifecycle);
    return new HealthCheck({ probes, phase: () => lifecycle.phase, checkTimeoutMs: CHECK_TIMEOUT_MS, logger });
  });
  single(
    HttpServer,
    () =>
      new HttpServer({
        host: config.httpHost,
        port: config.httpPort,
        status: null,
        health: c.resolve(HealthCheck),
        metrics: c.resolve(ProcessMetrics),
        identity: {
          instance: config.instanceId,
          role: 'worker',
          environment: config.environment,
          startedAtMs: systemClock.nowMs(),
        },
        clock: systemClock,
        logger,
      }),
  );
  // The probes answer from the first moment to the last, so what serves them starts first and stops last.
  single(Program, () => new Program(c.resolve(Lifecycle), [c.resolve(ProcessMetrics), c.resolve(HttpServer)]));
  return c;
}

/** Each dependency checks the settings it needs when a command opens it. */
export function composeAdmin(): AdminProgramDeps {
  return { environment: undefined };
}
