/** What reaches the outside, one function per technology. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../clock.ts';
import type { ConfigOf } from '../config/config-schema.ts';
import { INBOUND, topicsFor } from '../contract/topics.ts';
import { CONSUMER_RECONNECT_MS_MAX, createKafka, type KafkaClientOptions } from '../kafka/client.ts';
import { KafkaHealth } from '../kafka/kafka-health.ts';
import { KafkaLagReader } from '../kafka/lag-reader.ts';
import { KafkaMessagePublisher } from '../kafka/message-publisher.ts';
import { KafkaRecordSource } from '../kafka/record-source.ts';
import { KafkaTopicAdmin } from '../kafka/topic-admin.ts';
import { PostgresBatchStore } from '../postgres/batch-store.ts';
import { Database, HOT_PLAN_SETTINGS } from '../postgres/database.ts';
import { PostgresOutboxStore } from '../postgres/outbox-store.ts';
import { PostgresPartitionProgressStore } from '../postgres/partition-progress-store.ts';
import { PostgresStatusReader } from '../postgres/status-reader.ts';
import { PostgresUpkeepStore } from '../postgres/upkeep-store.ts';
import { RedisHintStore } from '../redis/hint-store.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { Tracing } from '../telemetry/tracing.ts';
import type { Composing } from './composing.ts';
import { databaseTarget, kafkaSecurity, redisTarget } from './connections.ts';

const SIDE_POOL_MAX = 3;
const READ_POOL_MAX = 2;
/** Whoever reads has a page to show: better a quick refusal than a late answer. */
const READ_LIMITS = { connectTimeoutMs: 1000, statementTimeoutMs: 1000, queryTimeoutMs: 1500 };
const READ_SETTINGS = {
  default_transaction_read_only: 'on',
  jit: 'off',
  enable_seqscan: 'off',
  plan_cache_mode: 'force_generic_plan',
};
const PROBE_LIMITS = { connectTimeoutMs: 1500, statementTimeoutMs: 1000, queryTimeoutMs: 1500 };
const CONNECT_TIMEOUT_MS = 3000;

/** Of the lease of an outbox row: no attempt to publish outlasts it. What is left is for waiting and for writing down. */
const PUBLISH_SHARE_OF_LEASE = 2 / 3;

export function publishMsMax({ outboxLeaseMs }: ConfigOf<'OUTBOX_LEASE_MS'>): number {
  return Math.floor(outboxLeaseMs * PUBLISH_SHARE_OF_LEASE);
}

/** Connections of the hot path; its plans are pinned. */
export class HotDatabase extends Database {}

/** Connections of everything else, so that relay and reconciler never wait behind assignments. */
export class SideDatabase extends Database {}

/** Connections of the read API, which cannot write and which nothing else waits for. */
export class ReadDatabase extends Database {}

/** The one connection of the health check: whether it is free depends on nobody's traffic. */
export class ProbeDatabase extends Database {}

export function composeAdapters(composing: Composing): void {
  composePostgres(composing);
  composeKafka(composing);
  composeRedis(composing);
}

function composePostgres({ config, log, single }: Composing): void {
  const shared = {
    url: databaseTarget(config),
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    lockTimeoutMs: config.lockTimeoutMs,
    statementTimeoutMs: config.statementTimeoutMs,
    queryTimeoutMs: config.queryTimeoutMs,
    idleInTransactionTimeoutMs: config.idleInTransactionTimeoutMs,
  };
  single(HotDatabase, (get) => {
    const tracing = get(Tracing);
    const hot = { name: 'assign', poolMax: config.databasePoolMax, sessionSettings: HOT_PLAN_SETTINGS, tracing };
    return new HotDatabase({ ...shared, ...hot }, get(Metrics), log);
  });
  single(SideDatabase, (get) => {
    return new SideDatabase({ ...shared, name: 'side', poolMax: SIDE_POOL_MAX }, get(Metrics), log);
  });
  single(PostgresBatchStore, (get) => {
    const { instanceId: instance, outboxLeaseMs, pendingPerBatchMax } = config;
    return new PostgresBatchStore(get(HotDatabase), { instance, outboxLeaseMs, pendingPerBatchMax });
  });
  single(PostgresUpkeepStore, (get) => new PostgresUpkeepStore(get(SideDatabase), { instance: config.instanceId }));
  single(PostgresOutboxStore, (get) => {
    const { instanceId: instance, outboxLeaseMs: leaseMs, outboxRetentionMs: retentionMs } = config;
    return new PostgresOutboxStore(get(SideDatabase), { instance, leaseMs, retentionMs });
  });
  single(PostgresPartitionProgressStore, (get) => {
    const { consumerGroup, instanceId } = config;
    // The connections that settle, so that a position never comes to another server than what it stands for. The same
    // instance, restarted after a crash, must not take its former marks for its own.
    return new PostgresPartitionProgressStore(get(HotDatabase), {
      consumerGroup,
      owner: `${instanceId} ${randomUUID()}`,
    });
  });
  single(ReadDatabase, (get) => {
    const read = { name: 'read', poolMax: READ_POOL_MAX, sessionSettings: READ_SETTINGS, ...READ_LIMITS };
    return new ReadDatabase({ ...shared, ...read }, get(Metrics), log);
  });
  single(ProbeDatabase, (get) => {
    return new ProbeDatabase({ ...shared, name: 'probe', poolMax: 1, ...PROBE_LIMITS }, get(Metrics), log);
  });
  single(PostgresStatusReader, (get) => new PostgresStatusReader(get(ReadDatabase)));
}

/** One for all clients: they share a token. */
export function kafkaClients({ config, log }: Composing) {
  const security = kafkaSecurity(config);
  return (role: string, limits: Partial<KafkaClientOptions> = {}) =>
    createKafka({
      brokers: config.kafkaBrokers,
      clientId: `${config.instanceId}-${role}`,
      log,
      security,
      ...limits,
    });
}

function composeKafka(composing: Composing): void {
  const { config, log, single } = composing;
  const topics = topicsFor(config.topicPrefix);
  const inbound = INBOUND.map((name) => topics[name]);
  const client = kafkaClients(composing);
  single(KafkaMessagePublisher, (get) => {
    const { instanceId: instance } = config;
    const metrics = get(Metrics);
    const tracing = get(Tracing);
    const kafka = client('publish');
    return new KafkaMessagePublisher({
      kafka,
      publishMsMax: publishMsMax(config),
      metrics,
      tracing,
      clock: systemClock,
      instance,
    });
  });
  single(KafkaRecordSource, (get) => {
    return new KafkaRecordSource({
      kafka: client('consume', { reconnectMsMax: CONSUMER_RECONNECT_MS_MAX }),
      groupId: config.consumerGroup,
      topics: inbound,
      log,
      metrics: get(Metrics),
      deadLetters: get(KafkaMessagePublisher),
      progress: get(PostgresPartitionProgressStore),
      sessionTimeoutMs: config.kafkaSessionTimeoutMs,
      rebalanceTimeoutMs: config.kafkaRebalanceTimeoutMs,
      maxWaitMs: config.fetchWaitMaxMs,
    });
  });
  single(
    KafkaLagReader,
    () => new KafkaLagReader({ kafka: client('lag'), groupId: config.consumerGroup, topics: inbound, log }),
  );
  single(KafkaHealth, (get) => {
    return new KafkaHealth({
      kafka: client('probe', { reconnectMsMax: 0 }),
      source: get(KafkaRecordSource),
      outsideMsMax: config.kafkaSessionTimeoutMs + config.kafkaRebalanceTimeoutMs,
    });
  });
  single(KafkaTopicAdmin, () => new KafkaTopicAdmin({ kafka: client('check') }));
}

/** So that deployments can share a server. */
export function redisPrefix({ topicPrefix }: ConfigOf<'TOPIC_PREFIX'>): string {
  return `els:${topicPrefix}`;
}

function composeRedis({ config, log, single }: Composing): void {
  single(RedisHintStore, (get) => {
    return new RedisHintStore({
      url: redisTarget(config),
      prefix: redisPrefix(config),
      ttlSeconds: config.hintTtlSeconds,
      commandTimeoutMs: config.redisCommandTimeoutMs,
      metrics: get(Metrics),
      log,
    });
  });
}
