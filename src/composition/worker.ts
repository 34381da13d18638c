/** What the worker is made of. */
import type { DependencyContainer } from 'tsyringe';
import type { Config } from '../config/config-schema.ts';
import { HealthCheck } from '../http/health.ts';
import { HttpServer } from '../http/server.ts';
import { KafkaLagReader } from '../kafka/lag-reader.ts';
import { KafkaMessagePublisher } from '../kafka/message-publisher.ts';
import type { Service } from '../lifecycle.ts';
import type { Database } from '../postgres/database.ts';
import { RedisHintStore } from '../redis/hint-store.ts';
import { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { Intake } from '../worker/intake/intake.ts';
import { OutboxRelay } from '../worker/outbox/outbox-relay.ts';
import { Reconciler } from '../worker/upkeep/reconciler.ts';
import { Retention } from '../worker/upkeep/retention.ts';
import { StartChecks } from '../worker/upkeep/start-checks.ts';
import { StateGauges } from '../worker/upkeep/state-gauges.ts';
import { Watchdog } from '../worker/upkeep/watchdog.ts';
import { composeAdapters, HotDatabase, ProbeDatabase, ReadDatabase, SideDatabase } from './adapters.ts';
import type { Get } from './composing.ts';
import { composeHttp } from './http.ts';
import { composeWork } from './loops.ts';
import { closing, composeProgram, opening } from './program.ts';

export function composeWorker(config: Config): DependencyContainer {
  return composeProgram(config, [composeAdapters, composeWork, composeHttp], servicesOf);
}

/**
 * In the order of their start. The probes answer from the first moment to the last, so what serves them starts first
 * and stops last. The intake starts when everything it leads to is there, and stops before any of it.
 */
function servicesOf(get: Get): Service[] {
  return [
    get(ProcessMetrics),
    get(HttpServer),
    get(HealthCheck),
    closing('databases', () =>
      Promise.all(
        [HotDatabase, SideDatabase, ReadDatabase, ProbeDatabase].map((database) => get<Database>(database).close()),
      ),
    ),
    get(StartChecks),
    opening(
      'hints',
      () => get(RedisHintStore).connect(),
      async () => get(RedisHintStore).close(),
    ),
    opening(
      'publisher',
      () => get(KafkaMessagePublisher).connect(),
      () => get(KafkaMessagePublisher).disconnect(),
    ),
    get(OutboxRelay),
    get(Reconciler),
    get(StateGauges),
    get(Retention),
    closing('lag-reader', () => get(KafkaLagReader).disconnect()),
    get(Intake),
    get(Watchdog),
  ];
}
