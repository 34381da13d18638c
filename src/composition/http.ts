/** Probes, metrics and the read API. */
import { systemClock } from '../clock.ts';
import { isSettingGiven } from '../config/config.ts';
import { HealthCheck, type HealthProbe } from '../http/health.ts';
import { HttpServer } from '../http/server.ts';
import { KafkaHealth } from '../kafka/kafka-health.ts';
import { Lifecycle } from '../lifecycle.ts';
import { PostgresStatusReader } from '../postgres/status-reader.ts';
import { RedisHintStore } from '../redis/hint-store.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { Intake } from '../worker/intake/intake.ts';
import { ProbeDatabase } from './adapters.ts';
import type { Composing } from './composing.ts';

export const HEALTH_TIMES = {
  intervalMs: 1000,
  /** Longer than the interval, so that a probe is answered from memory while all is well, however busy the process is. */
  freshMs: 2000,
  /** Longer than what each dependency's own limits leave a look, which say more than its end here. */
  checkTimeoutMs: 2500,
};

export function composeHttp({ config, log, single }: Composing): void {
  single(HealthCheck, (get) => {
    const lifecycle = get(Lifecycle);
    const probes: readonly HealthProbe[] = [
      { name: 'database', required: true, check: () => get(ProbeDatabase).ping() },
      { name: 'kafka', required: true, check: () => get(KafkaHealth).check() },
      { name: 'work', required: true, check: async () => get(Intake).work.reason() },
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
          // Counted by the relay every few seconds.
          const { values } = await get(Metrics).outboxDead.get();
          const deadCount = values[0]?.value ?? 0;
          return deadCount === 0 ? null : `${deadCount} rows are dead`;
        },
      },
    ];
    return new HealthCheck({
      probes,
      phase: () => lifecycle.phase,
      ...HEALTH_TIMES,
      metrics: get(Metrics),
      log,
    });
  });
  single(HttpServer, (get) => {
    return new HttpServer({
      host: config.httpHost,
      port: config.httpPort,
      isPortChosen: isSettingGiven('HTTP_PORT'),
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
