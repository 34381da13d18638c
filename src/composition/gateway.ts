/**
 * What the gateway is made of. Its halves are of use alone: it writes while PostgreSQL is away and reads while Kafka is,
 * so it starts without either, and is ready while one of them works.
 */
import type { DependencyContainer } from 'tsyringe';
import { systemClock } from '../clock.ts';
import { isSettingGiven } from '../config/config.ts';
import type { Config } from '../config/config-schema.ts';
import { inboundSchemas } from '../contract/inbound.ts';
import { ID_LENGTH_MAX } from '../contract/text.ts';
import { topicsFor } from '../contract/topics.ts';
import { addAccess } from '../gateway/access/access-hooks.ts';
import { addTicketRoute } from '../gateway/access/ticket-route.ts';
import { addIngestRoutes } from '../gateway/ingest/ingest-routes.ts';
import { RecordWriter } from '../gateway/ingest/record-writer.ts';
import { LiveConnections } from '../gateway/live/live-connections.ts';
import { addLiveSockets } from '../gateway/live/live-sockets.ts';
import { addLiveStream } from '../gateway/live/live-stream.ts';
import { addGatewaysRoute, Presence } from '../gateway/live/presence.ts';
import { WatchHub } from '../gateway/live/watch-hub.ts';
import { addFileRoutes } from '../gateway/page-files/file-routes.ts';
import { PageFiles } from '../gateway/page-files/page-files.ts';
import { addBatchListRoute } from '../gateway/read/batch-list-route.ts';
import { addPageRoutes } from '../gateway/read/page-routes.ts';
import { ReadGate } from '../gateway/read/read-gate.ts';
import { HealthCheck, type HealthProbe } from '../http/health.ts';
import { HttpServer, type HttpServerDeps } from '../http/server.ts';
import { KafkaHealth } from '../kafka/kafka-health.ts';
import { KafkaMessagePublisher } from '../kafka/message-publisher.ts';
import { Lifecycle, type Service } from '../lifecycle.ts';
import { PostgresBatchList } from '../postgres/batch-list.ts';
import { PostgresBatchPages } from '../postgres/batch-pages.ts';
import { PostgresProgressReader } from '../postgres/progress-reader.ts';
import { PostgresStatusReader } from '../postgres/status-reader.ts';
import { BoundedRedis } from '../redis/bounded-redis.ts';
import { RedisDoorbellListener } from '../redis/doorbell-listener.ts';
import { RedisGatewayPresence } from '../redis/gateway-presence.ts';
import { RedisHintStore } from '../redis/hint-store.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { composeAdapters, kafkaClients, ProbeDatabase, ReadDatabase, redisPrefix } from './adapters.ts';
import type { Composing, Get } from './composing.ts';
import { redisTarget } from './connections.ts';
import { Access, checkReach, composeAccess } from './gateway-access.ts';
import { HEALTH_TIMES } from './http.ts';
import { closing, composeProgram, opening } from './program.ts';

/** Whoever posts gets an answer within three seconds, so a produce request gets a little less. */
const PUBLISH_MS_MAX = 2500;
const ANSWER_MS_MAX = 2800;
/** Between two looks at all watched batches. */
const POLL_MS = 1000;
const BYTES_IN_FLIGHT_MAX = 64 * 1024 * 1024;

/** The page's files are in a folder: a build's, or its sources. */
export function composeGateway(config: Config, pageFolder: string): DependencyContainer {
  checkReach(config);
  return composeProgram(
    config,
    [
      composeAdapters,
      composeAccess,
      composeIngest,
      composeLive,
      composePresence,
      composePage(pageFolder),
      composeSurface,
    ],
    servicesOf,
  );
}

function servicesOf(get: Get): Service[] {
  sampleMetrics(get);
  return [
    get(ProcessMetrics),
    closing('databases', () => Promise.all([get(ReadDatabase).close(), get(ProbeDatabase).close()])),
    opening(
      'redis',
      () => get(RedisHintStore).connect(),
      async () => get(RedisHintStore).close(),
    ),
    opening(
      'shared counts',
      async () => get(BoundedRedis).open(),
      async () => get(BoundedRedis).close(),
    ),
    closing('publisher', () => get(KafkaMessagePublisher).disconnect()),
    get(HealthCheck),
    get(WatchHub),
    opening(
      'doorbell',
      async () => listenForChanges(get),
      async () => get(RedisDoorbellListener).close(),
    ),
    // Stops before what it asks: what was asked is answered while there is something to answer with.
    get(HttpServer),
    // Leaves while the server still listens for the others.
    get(LiveConnections),
    get(Presence),
  ];
}

function composeIngest(composing: Composing): void {
  const { config, single } = composing;
  const client = kafkaClients(composing);
  single(KafkaMessagePublisher, (get) => {
    return new KafkaMessagePublisher({
      kafka: client('publish'),
      publishMsMax: PUBLISH_MS_MAX,
      metrics: get(Metrics),
      clock: systemClock,
      instance: config.instanceId,
    });
  });
  single(KafkaHealth, () => {
    // No member of a group: whether Kafka is there is known by asking it.
    const source = { silentMs: () => Number.POSITIVE_INFINITY, outsideMs: () => 0 };
    return new KafkaHealth({ kafka: client('probe', { reconnectMsMax: 0 }), source, outsideMsMax: 0 });
  });
  single(RecordWriter, (get) => {
    return new RecordWriter({
      publisher: get(KafkaMessagePublisher),
      recordsInFlightMax: config.gatewayRecordsInFlightMax,
      bytesInFlightMax: BYTES_IN_FLIGHT_MAX,
      answerMsMax: ANSWER_MS_MAX,
    });
  });
}

function listenForChanges(get: Get): void {
  const hub = get(WatchHub);
  get(RedisDoorbellListener).listen({
    onRing: (batchIds) => hub.ring(batchIds),
    onHearing: () => hub.ringAll(),
  });
}

function composeLive({ config, log, single }: Composing): void {
  single(WatchHub, (get) => {
    return new WatchHub({ reader: new PostgresProgressReader(get(ReadDatabase)), pollMs: POLL_MS, log });
  });
  single(RedisDoorbellListener, () => {
    return new RedisDoorbellListener({ target: redisTarget(config), prefix: redisPrefix(config), log });
  });
  single(LiveConnections, (get) => {
    return new LiveConnections({
      hub: get(WatchHub),
      connectionsMax: config.gatewayConnectionsMax,
      perUserMax: config.gatewayConnectionsPerUserMax,
      watchesMax: config.gatewayWatchesPerConnectionMax,
      onFailure: (error) => log.error({ err: error }, 'live connections have a bug'),
      onEnded: (reason) => get(Metrics).liveClosed.inc({ reason }),
      nowMs: () => systemClock.nowMs(),
    });
  });
}

function composePage(folder: string) {
  return ({ single }: Composing): void => single(PageFiles, () => new PageFiles(folder));
}

/** What lives elsewhere is read when it is asked for. */
function sampleMetrics(get: Get): void {
  const metrics = get(Metrics);
  metrics.atScrape(() => {
    metrics.liveConnections.set(get(LiveConnections).size);
    metrics.liveWatchedBatches.set(get(WatchHub).size);
    metrics.gatewayRecordsInFlight.set(get(RecordWriter).recordsInFlight);
  });
}

function composePresence({ config, log, single }: Composing): void {
  single(Presence, (get) => {
    return new Presence({
      presence: new RedisGatewayPresence(get(BoundedRedis), redisPrefix(config)),
      instance: config.instanceId,
      connections: get(LiveConnections),
      hub: get(WatchHub),
      onFailure: (error) => log.error({ err: error }, 'presence has a bug'),
    });
  });
}

function composeSurface({ config, log, single }: Composing): void {
  single(HealthCheck, (get) => {
    const lifecycle = get(Lifecycle);
    const probes: readonly HealthProbe[] = [
      { name: 'kafka', required: true, check: half('nothing can be written', () => get(KafkaHealth).check()) },
      { name: 'database', required: true, check: half('nothing can be read', () => get(ProbeDatabase).ping()) },
      {
        name: 'redis',
        required: false,
        check: async () => ((await get(RedisHintStore).answers()) ? null : 'does not answer'),
      },
    ];
    const metrics = get(Metrics);
    return new HealthCheck({ probes, oneIsEnough: true, phase: () => lifecycle.phase, ...HEALTH_TIMES, metrics, log });
  });
  single(HttpServer, (get) => {
    return new HttpServer({
      host: config.httpHost,
      port: config.httpPort,
      isPortChosen: isSettingGiven('HTTP_PORT'),
      status: get(PostgresStatusReader),
      requests: get(Metrics).httpRequests,
      readsPerSecondMax: config.httpReadsPerSecondMax,
      connectionsMax: config.gatewayConnectionsMax,
      health: get(HealthCheck),
      metrics: get(ProcessMetrics),
      identity: {
        instance: config.instanceId,
        role: 'gateway',
        environment: config.environment,
        startedAtMs: systemClock.nowMs(),
      },
      clock: systemClock,
      log,
      addRoutes: routesOf(config, get),
    });
  });
}

function routesOf(config: Config, get: Get): NonNullable<HttpServerDeps['addRoutes']> {
  return (server, errors) => {
    const access = get(Access).deps;
    const { identification } = access;
    addAccess(server, access);
    addTicketRoute(server, identification);
    addFileRoutes(server, get(PageFiles));
    addGatewaysRoute(server, get(Presence));
    const gate = new ReadGate({ errors, readsPerSecondMax: config.httpReadsPerSecondMax });
    addBatchListRoute(server, { list: new PostgresBatchList(get(ReadDatabase)), gate });
    const pages = new PostgresBatchPages(get(ReadDatabase));
    addPageRoutes(server, { pages, status: get(PostgresStatusReader), gate });
    addLiveStream(server, { connections: get(LiveConnections), access });
    addLiveSockets(server.server, { connections: get(LiveConnections), access, errors });
    const writer = get(RecordWriter);
    const { slotsMax, valueBytesMax } = config;
    const schemas = inboundSchemas({ idLengthMax: ID_LENGTH_MAX, slotsMax });
    const topics = topicsFor(config.topicPrefix);
    addIngestRoutes(server, { writer, schemas, topics, slotsMax, valueBytesMax, clock: systemClock, identification });
  };
}

/** What is missing while a dependency is: its own reason stays in the log. */
function half(missing: string, check: () => Promise<unknown>): () => Promise<string | null> {
  return async () => {
    try {
      return (await check()) === null ? null : missing;
    } catch {
      return missing;
    }
  };
}
