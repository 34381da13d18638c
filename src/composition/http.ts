/** Probes, metrics and the read API. */
import { systemClock } from '../clock.ts';
import { HealthCheck, type HealthProbe } from '../http/health.ts';
import { HttpServer } from '../http/server.ts';
import { Lifecycle } from '../lifecycle.ts';
import { PostgresOutboxStore } from '../postgres/outbox-store.ts';
import { PostgresStatusReader } from '../postgres/status-reader.ts';
import { RedisHintStore } from '../redis/hint-store.ts';
import { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { Intake } from '../worker/intake/intake.ts';
import { SideDatabase } from './adapters.ts';
import type { Composing } from './composing.ts';

/** A health check takes longer than a probe's own limits only when the event loop is blocked. */
const CHECK_TIMEOUT_MS = 1000;

export function composeHttp({ config, log, single }: Composing): void {
  single(HealthCheck, (get) => {
    const lifecycle = get(Lifecycle);
    const probes: readonly HealthProbe[] = [
      { name: 'database', required: true, check: () => get(SideDatabase).ping() },
      {
        name: 'kafka',
        required: true,
        check: async () => (get(Intake).state().assigned ? null : 'not a member of the consumer group'),
      },
      {
        name: 'redis',
        required: false,
        check: async () =>
          !config.hintsEnabled || get(RedisHintStore).status() === 'up' ? null : 'hints are not available',
      },
      {
        name: 'outbox',
        required: false,
        check: async () => {
          const { deadCount } = await get(PostgresOutboxStore).stats();
          return deadCount === 0 ? null : `${deadCount} rows are dead`;
        },
      },
    ];
    return new HealthCheck({ probes, phase: () => lifecycle.phase, checkTimeoutMs: CHECK_TIMEOUT_MS, log });
  });
  single(HttpServer, (get) => {
    return new HttpServer({
      host: config.httpHost,
      port: config.httpPort,
      status: get(PostgresStatusReader),
      health: get(HealthCheck),
      metrics: get(ProcessMetrics),
      identity: {
        instance: config.instanceId,
        role: 'worker',
        environment: config.environment,
        startedAtMs: systemClock.nowMs(),
      },
      clock: systemClock,
      log,
    });
  });
}
