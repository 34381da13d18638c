/**
 * What every program is made of, whatever it does: one container, the lifecycle, log, metrics and traces; the only
 * importer of tsyringe. Composing opens nothing: `start` does. Tokens are the classes themselves. Whoever builds a
 * variant (a test, a mutant) registers another maker for a class before resolving.
 */
import 'reflect-metadata';
import { type DependencyContainer, instanceCachingFactory, container as root } from 'tsyringe';
import type { Config } from '../config/config-schema.ts';
import { topicsFor } from '../contract/topics.ts';
import { Lifecycle, type Service } from '../lifecycle.ts';
import { LogSink } from '../telemetry/log-sink.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { Tracing } from '../telemetry/tracing.ts';
import { VERSION } from '../version.ts';
import type { Composing, Get, Single } from './composing.ts';

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

/** Each room registers its classes; `servicesOf` says what is started, in which order. */
export function composeProgram(
  config: Config,
  rooms: readonly ((composing: Composing) => void)[],
  servicesOf: (get: Get) => Service[],
): DependencyContainer {
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
  for (const room of rooms) room({ config, log, single });
  single(Program, () => new Program(get(Lifecycle), [announcing(config, log), ...servicesOf(get)]));
  return c;
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
export function opening(name: string, start: () => Promise<unknown>, stop: () => Promise<unknown>): Service {
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
export function closing(name: string, stop: () => Promise<unknown>): Service {
  return opening(name, async () => undefined, stop);
}
