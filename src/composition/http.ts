/** Probes, metrics and the read API. */
import { systemClock } from '../clock.ts';
import { HealthCheck, type HealthProbe } from '../http/health.ts';
import { HttpServer } from '../http/server.ts';
import { KafkaRecordSource } from '../kafka/record-source.ts';
import { Lifecycle } from '../lifecycle.ts';
import { PostgresOutboxStore } from '../postgres/outbox-store.ts';
import { PostgresStatusReader } from '../postgres/status-reader.ts';
import { RedisHintStore } from '../redis/hint-store.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { Intake } from '../worker/intake/intake.ts';
import { SideDatabase } from './adapters.ts';
import type { Composing } from './composing.ts';

const CHECK_TIMEOUT_MS = 1000;
const FRESH_MS = 1000;
/** A member asks Kafka several times a second; this long without any answer is no rebalance of others any more. */
const KAFKA_SILENT_MS_MAX = 8_000;
/** Longer than a restart of a dependency: after this it is told what keeps every record from being resolved. */
const TROUBLE_MS_MAX = 20_000;

export function composeHttp({ config, log, single }: Composing): void {
  single(HealthCheck, (get) => {
    const lifecycle = get(Lifecycle);
    const probes: readonly HealthProbe[] = [
      { name: 'database', required: true, check: () => get(SideDatabase).ping() },
      {
        name: 'kafka',
        required: true,
        check: async () => {
          const silentMs = get(KafkaRecordSource).silentMs();
          if (silentMs === null) return 'not a member of the consumer group';
          return silentMs <= KAFKA_SILENT_MS_MAX ? null : `no answer for ${Math.round(silentMs / 1000)} s`;
        },
      },
      {
        name: 'work',
        required: true,
        check: async () => {
          const { trouble } = get(Intake).state();
          const troubleMs = trouble === null ? 0 : performance.now() - trouble.sinceMs;
          if (trouble === null || troubleMs <= TROUBLE_MS_MAX) return null;
          return `nothing could be resolved for ${Math.round(troubleMs / 1000)} s: ${trouble.error.message}`;
        },
      },
      {
        name: 'redis',
        required: false,
        check: async () =>
          !config.hintsEnabled || (await get(RedisHintStore).answers()) ? null : 'hints are not available',
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
    return new HealthCheck({
      probes,
      phase: () => lifecycle.phase,
      checkTimeoutMs: CHECK_TIMEOUT_MS,
      freshMs: FRESH_MS,
      metrics: get(Metrics),
      log,
    });
  });
  single(HttpServer, (get) => {
    return new HttpServer({
      host: config.httpHost,
      port: config.httpPort,
      status: get(PostgresStatusReader),
      requests: get(Metrics).httpRequests,
      readsPerSecondMax: config.httpReadsPerSecondMax,
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
