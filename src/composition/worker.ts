/**
 * What the worker is made of; the only importer of tsyringe. Composing opens nothing: `start` does. Tokens are the
 * classes themselves. Whoever builds a variant (a test, a mutant) registers another maker for a class before resolving.
 */
import 'reflect-metadata';
import { type DependencyContainer, instanceCachingFactory, container as root } from 'tsyringe';
import type { Config } from '../config/config-schema.ts';
import { topicsFor } from '../contract/topics.ts';
import { HealthCheck } from '../http/health.ts';
import { HttpServer } from '../http/server.ts';
import { KafkaLagReader } from '../kafka/lag-reader.ts';
import { KafkaMessagePublisher } from '../kafka/message-publisher.ts';
import { Lifecycle, type Service } from '../lifecycle.ts';
import type { Database } from '../postgres/database.ts';
import { RedisHintStore } from '../redis/hint-store.ts';
import { LogSink } from '../telemetry/log-sink.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { Tracing } from '../telemetry/tracing.ts';
import { VERSION } from '../version.ts';
import { Intake } from '../worker/intake/intake.ts';
import { OutboxRelay } from '../worker/outbox/outbox-relay.ts';
import { Reconciler } from '../worker/upkeep/reconciler.ts';
import { Retention } from '../worker/upkeep/retention.ts';
import { StartChecks } from '../worker/upkeep/start-checks.ts';
import { StateGauges } from '../worker/upkeep/state-gauges.ts';
import { Watchdog } from '../worker/upkeep/watchdog.ts';
import { composeAdapters, HotDatabase, ProbeDatabase, ReadDatabase, SideDatabase } from './adapters.ts';
import type { Get, Single } from './composing.ts';
import { composeHttp } from './http.ts';
import { composeWork } from './loops.ts';

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

export function composeWorker(config: Config): DependencyContainer {
  const c = root.createChildContainer();
  const get: Get = (token) => c.resolve(token as never);
  const single: Single = (token, make) => {
    c.register(token as never, { useFactory: instanceCachingFactory(() => make(get)) });
  };
  const sink = new LogSink();
  const log = createLogger({ level: config.logLevel, instance: config.instanceId }, sink);
  const labels = { version: VERSION, instance: config.instanceId };
  single(Lifecycle, () => new Lifecycle({ graceMs: config.shutdownGraceMs, log }));
  single(Metrics, () => {
    const metrics = new Metrics();
    sink.onLost = (lines) => metrics.logLinesLost.inc(lines);
    return metrics;
  });
  single(Tracing, () => new Tracing());
  single(ProcessMetrics, () => new ProcessMetrics(get(Metrics), labels));
  const composing = { config, log, single };
  composeAdapters(composing);
  composeWork(composing);
  composeHttp(composing);
  single(Program, () => new Program(get(Lifecycle), [announcing(config, log), ...servicesOf(get)]));
  return c;
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

/** Before anything else is tried: what a stranger wants to know of a log. */
function announcing(config: Config, log: Logger): Service {
  const { consumerGroup: group, topicPrefix, kafkaBrokers: brokers, environment } = config;
  const start = async () => {
    const about = { version: VERSION, node: process.versions.node, pid: process.pid, environment };
    log.info({ ...about, group, topicPrefix, brokers, topics: Object.values(topicsFor(topicPrefix)) }, 'starting');
  };
  return opening('announcement', start, async () => undefined);
}

/** A connection as a service. */
function opening(name: string, start: () => Promise<unknown>, stop: () => Promise<unknown>): Service {
  return {
    name,
    start: async () => {
      await start();
    },
    stop: async () => {
      await stop();
    },
  };
}

/** What opens itself when it is first used. */
function closing(name: string, stop: () => Promise<unknown>): Service {
  return opening(name, async () => undefined, stop);
}
