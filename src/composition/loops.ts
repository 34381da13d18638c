/** What the worker does: the use cases, and the loops that drive them. */
import { systemClock } from '../clock.ts';
import { contractTopic, INBOUND, topicsFor } from '../contract/topics.ts';
import type { HintStore, OutboxRow } from '../domain/ports.ts';
import { KafkaLagReader } from '../kafka/lag-reader.ts';
import { KafkaMessagePublisher } from '../kafka/message-publisher.ts';
import { KafkaRecordSource } from '../kafka/record-source.ts';
import { KafkaTopicAdmin } from '../kafka/topic-admin.ts';
import { Lifecycle } from '../lifecycle.ts';
import { PostgresBatchStore } from '../postgres/batch-store.ts';
import { migrationStatus } from '../postgres/migrate.ts';
import { PostgresOutboxStore } from '../postgres/outbox-store.ts';
import { PostgresPartitionProgressStore } from '../postgres/partition-progress-store.ts';
import { refusing } from '../postgres/refusal.ts';
import { checkSchema } from '../postgres/schema-check.ts';
import { PostgresUpkeepStore } from '../postgres/upkeep-store.ts';
import { RedisHintStore } from '../redis/hint-store.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { Tracing } from '../telemetry/tracing.ts';
import { Intake } from '../worker/intake/intake.ts';
import { logCompletions } from '../worker/outbox/completion-log.ts';
import { OutboxPressure } from '../worker/outbox/outbox-pressure.ts';
import { OutboxRelay } from '../worker/outbox/outbox-relay.ts';
import { AssignInputs } from '../worker/settle/assign-inputs.ts';
import { DECODE_LIMITS } from '../worker/settle/decode.ts';
import { HandleGroup } from '../worker/settle/handle-group.ts';
import { ParkedBatches } from '../worker/settle/parked-batches.ts';
import { RegisterBatches } from '../worker/settle/register-batches.ts';
import type { SettleContext } from '../worker/settle/settle-inputs.ts';
import { UnknownEvents } from '../worker/settle/unknown-events.ts';
import { Reconciler } from '../worker/upkeep/reconciler.ts';
import { Retention } from '../worker/upkeep/retention.ts';
import { type StartCheck, StartChecks } from '../worker/upkeep/start-checks.ts';
import { StateGauges, showAssignment } from '../worker/upkeep/state-gauges.ts';
import { Watchdog } from '../worker/upkeep/watchdog.ts';
import { publishMsMax, SideDatabase } from './adapters.ts';
import type { Composing, Get } from './composing.ts';
import { databaseTarget } from './connections.ts';

const GAUGE_INTERVAL_MS = 5000;
const RETENTION_INTERVAL_MS = 60_000;
const DAY_MS = 86_400_000;
const START_WAIT_MS_MAX = 60_000;
/**
 * Services stop one after the other, and whoever has not stopped within the grace is cut off with the process. So the
 * grace is shared out before: half of it for the intake to end the groups in flight, which only waits for the database,
 * a third for the relay to publish what those groups committed, and the sixth that is left for the last commit of
 * offsets and for closing connections. Nothing is lost by either running out: the records come again, the rows wait in
 * the table.
 */
const DRAIN_SHARE = 1 / 2;
const PUBLISH_SHARE = 1 / 3;
const INTAKE = {
  bufferedBytesMax: 32 * 1024 * 1024,
  retryDelayMinMs: 50,
  retryDelayMaxMs: 5000,
};
const RELAY = {
  gatherMs: 100,
  claimRowsMax: 20,
  queuedMessagesMax: 20_000,
  publishMessagesMax: 1000,
  laneMessagesMax: 5000,
  sickLaneMessagesMax: 1000,
  backoffMinMs: 100,
  backoffMaxMs: 30_000,
  purgeIntervalMs: 10_000,
  purgeRowsMax: 1000,
  statsIntervalMs: 5000,
};
const NO_HINTS: HintStore = { seen: async (eventIds) => eventIds.map(() => false), remember: () => undefined };

export function composeWork(composing: Composing): void {
  composeUseCases(composing);
  composeLoops(composing);
}

function composeUseCases({ config, log, single }: Composing): void {
  const context: SettleContext = {
    topics: topicsFor(config.topicPrefix),
    instance: config.instanceId,
    clock: systemClock,
  };
  const useCaseDeps = (get: Get) => ({
    store: get(PostgresBatchStore),
    context,
    metrics: get(Metrics),
    outbox: {
      offer: (rows: readonly OutboxRow[]) => {
        get(OutboxRelay).offer(rows);
        logCompletions(rows, context.topics.completed, log);
      },
    },
    parked: get(ParkedBatches),
  });
  single(ParkedBatches, (get) => new ParkedBatches({ log, metrics: get(Metrics) }));
  single(AssignInputs, (get) => new AssignInputs(useCaseDeps(get)));
  single(RegisterBatches, (get) => new RegisterBatches(useCaseDeps(get)));
  single(Reconciler, (get) => {
    const upkeep = get(PostgresUpkeepStore);
    return new Reconciler({ ...useCaseDeps(get), upkeep, log, intervalMs: config.reconcileIntervalMs });
  });
  single(Retention, (get) => {
    const [upkeep, metrics] = [get(PostgresUpkeepStore), get(Metrics)];
    const retentionMs = config.batchRetentionDays * DAY_MS;
    return new Retention({ upkeep, metrics, log, intervalMs: RETENTION_INTERVAL_MS, retentionMs });
  });
  single(HandleGroup, (get) => {
    return new HandleGroup({
      registerBatches: get(RegisterBatches),
      assignInputs: get(AssignInputs),
      parked: get(ParkedBatches),
      unknownEvents: new UnknownEvents({ metrics: get(Metrics), log }),
      batches: get(PostgresBatchStore),
      hints: config.hintsEnabled ? get(RedisHintStore) : NO_HINTS,
      doorbell: get(RedisHintStore),
      publisher: get(KafkaMessagePublisher),
      limits: { ...DECODE_LIMITS, slotsMax: config.slotsMax, valueBytesMax: config.valueBytesMax },
      topicLabel: (topic) => contractTopic(config.topicPrefix, topic),
      metrics: get(Metrics),
      tracing: get(Tracing),
      log,
    });
  });
}

function composeLoops({ config, log, single }: Composing): void {
  const topicLabel = (topic: string) => contractTopic(config.topicPrefix, topic);
  const topics = topicsFor(config.topicPrefix);
  single(StartChecks, (get) => {
    const { inboundPartitionsMin, slotsMax } = config;
    const migrated: StartCheck = async (warn, signal) => {
      const { pending, newer = [] } = await migrationStatus(databaseTarget(config), undefined, signal);
      if (pending.length > 0) return [`${pending.length} migrations are pending: run els migrate up`];
      if (newer.length > 0) warn(`the database is ahead of this build, which may run beside: ${newer.join(', ')}`);
      return refusing(() => checkSchema(get(SideDatabase)));
    };
    const topicsReady: StartCheck = (warn) =>
      get(KafkaTopicAdmin).checkTopics({ topics, inboundPartitionsMin, slotsMax, warn });
    return new StartChecks({ checks: [migrated, topicsReady], waitMsMax: START_WAIT_MS_MAX, log });
  });
  single(OutboxPressure, (get) => {
    return new OutboxPressure({ highWaterMessages: config.outboxHighWaterMessages, metrics: get(Metrics), log });
  });
  single(OutboxRelay, (get) => {
    return new OutboxRelay({
      store: get(PostgresOutboxStore),
      publisher: get(KafkaMessagePublisher),
      pressure: get(OutboxPressure),
      metrics: get(Metrics),
      log,
      topicLabel,
      options: {
        ...RELAY,
        leaseMs: config.outboxLeaseMs,
        pollIntervalMs: config.outboxPollIntervalMs,
        publishMsMax: publishMsMax(config),
        stopDeadlineMs: config.shutdownGraceMs * PUBLISH_SHARE,
      },
    });
  });
  single(StateGauges, (get) => {
    const [upkeep, metrics] = [get(PostgresUpkeepStore), get(Metrics)];
    return new StateGauges({ upkeep, metrics, log, intervalMs: GAUGE_INTERVAL_MS });
  });
  single(Intake, (get) => {
    const intake = new Intake({
      source: get(KafkaRecordSource),
      handler: get(HandleGroup),
      parked: get(ParkedBatches),
      poisonMarks: get(PostgresPartitionProgressStore),
      metrics: get(Metrics),
      log,
      options: {
        ...INTAKE,
        groupSizeMax: config.groupSizeMax,
        groupAgeMaxMs: config.groupAgeMaxMs,
        groupsInFlightMax: config.groupsInFlightMax,
        bufferedRecordsMax: config.bufferedRecordsMax,
        commitIntervalMs: config.commitIntervalMs,
        drainDeadlineMs: config.shutdownGraceMs * DRAIN_SHARE,
      },
      onFatal: (error) => get(Lifecycle).fatal(error),
    });
    get(OutboxPressure).onChange((isHigh) => (isHigh ? intake.hold('outbox_full') : intake.release()));
    showAssignment({ intake, topics: INBOUND.map((name) => topics[name]), topicLabel, metrics: get(Metrics) });
    return intake;
  });
  single(Watchdog, (get) => {
    return new Watchdog({
      lagReader: get(KafkaLagReader),
      intake: get(Intake),
      metrics: get(Metrics),
      log,
      topicLabel,
      options: { intervalMs: GAUGE_INTERVAL_MS, silentMsMax: config.silentMsMax, controlRecordsMax: 2 },
      onFatal: (error) => get(Lifecycle).fatal(error),
    });
  });
}
