/**
 * Every metric of the service, declared once with meaning and unit. Base units; labels from closed sets only, never
 * an id of a batch, essay, file or user.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds; from a sub-millisecond statement to a stalled dependency. */
const DURATION_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10];
const SIZE_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

export class Metrics {
  readonly registry = new Registry();
  private readonly registers = [this.registry];
  private readonly samplers: (() => void)[] = [];

  /** Adds a reading that is taken when metrics are scraped, for values that live elsewhere. */
  atScrape(sampler: () => void): void {
    this.samplers.push(sampler);
  }

  readonly inputs = new Counter({
    name: 'els_inputs_total',
    help: 'Input records resolved, by contract topic (or unknown) and disposition.',
    labelNames: ['topic', 'disposition'],
    registers: this.registers,
  });
  readonly unknownEvents = new Counter({
    name: 'els_unknown_events_total',
    help: 'Records passed over because their event_type is none of the contract, by type; beyond twenty types, other.',
    labelNames: ['event_type'],
    registers: this.registers,
  });
  readonly claimDuration = new Histogram({
    name: 'els_claim_duration_seconds',
    help: 'Duration of one assignment transaction, from begin to commit.',
    buckets: DURATION_BUCKETS_SECONDS,
    registers: this.registers,
  });
  readonly claimSize = new Histogram({
    name: 'els_claim_inputs',
    help: 'Slot inputs handled by one assignment transaction.',
    buckets: SIZE_BUCKETS,
    registers: this.registers,
  });
  readonly statementDuration = new Histogram({
    name: 'els_database_statement_duration_seconds',
    help: 'Duration of one database statement as the worker sees it, by statement file name.',
    labelNames: ['statement'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: this.registers,
  });
  readonly databaseErrors = new Counter({
    name: 'els_database_errors_total',
    help: 'Failed database statements by SQLSTATE, or connection.',
    labelNames: ['sqlstate'],
    registers: this.registers,
  });
  readonly poolConnections = new Gauge({
    name: 'els_database_pool_connections',
    help: 'Connections of a pool by state (active, idle) and waiting requests (waiting).',
    labelNames: ['pool', 'state'],
    registers: this.registers,
    collect: () => {
      for (const sampler of this.samplers) sampler();
    },
  });
  readonly undecided = new Counter({
    name: 'els_claims_undecided_total',
    help: 'Inputs whose batch somebody else held, or had just changed; they join a later group.',
    registers: this.registers,
  });
  readonly dependencyUp = new Gauge({
    name: 'els_dependency_up',
    help: 'Whether the health check of a dependency found it well when it was asked last.',
    labelNames: ['dependency'],
    registers: this.registers,
  });
  readonly httpRequests = new Histogram({
    name: 'els_http_request_duration_seconds',
    help: 'Requests of the HTTP surface, by route, method and class of the status code.',
    labelNames: ['route', 'method', 'status'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: this.registers,
  });
  readonly batchesParked = new Counter({
    name: 'els_batches_parked_total',
    help: 'Times that a batch was put off because somebody else held it (busy), or because its transaction met a conflict or a time limit (obstructed).',
    labelNames: ['because'],
    registers: this.registers,
  });
  readonly parkedBatches = new Gauge({
    name: 'els_parked_batches',
    help: 'Batches that wait for somebody else to let go of them.',
    registers: this.registers,
  });
  readonly parkedOldestAge = new Gauge({
    name: 'els_parked_batch_oldest_age_seconds',
    help: 'How long the longest of them has waited.',
    registers: this.registers,
  });
  readonly retries = new Counter({
    name: 'els_retries_total',
    help: 'Transient failures answered by another attempt, by where they happened.',
    labelNames: ['reason'],
    registers: this.registers,
  });
  readonly deadLetters = new Counter({
    name: 'els_dead_letters_total',
    help: 'Records written to a dead-letter topic, by reason.',
    labelNames: ['reason'],
    registers: this.registers,
  });
  readonly recordsDeletedUnread = new Counter({
    name: 'els_records_deleted_unread_total',
    help: 'Input records that were deleted from Kafka, by retention, by hand or with their topic, before they were read.',
    registers: this.registers,
  });
  readonly outboxUnpublished = new Gauge({
    name: 'els_outbox_unpublished',
    help: 'Outbox rows not yet published; counted up to the high-water mark.',
    registers: this.registers,
  });
  readonly outboxUnpublishedMessages = new Gauge({
    name: 'els_outbox_unpublished_messages',
    help: 'Messages of those rows that Kafka has not acknowledged; counted up to the high-water mark.',
    registers: this.registers,
  });
  readonly sickDestinations = new Gauge({
    name: 'els_outbox_sick_destinations',
    help: 'Destination partitions that this instance cannot write to now, by contract topic and reason.',
    labelNames: ['topic', 'reason'],
    registers: this.registers,
  });
  readonly intakeHeld = new Gauge({
    name: 'els_intake_held',
    help: '1 while the intake pauses because the outbox is above its high-water mark.',
    registers: this.registers,
  });
  readonly outboxOldestAge = new Gauge({
    name: 'els_outbox_oldest_age_seconds',
    help: 'Age of the oldest unpublished outbox row, 0 when there is none.',
    registers: this.registers,
  });
  readonly outboxDead = new Gauge({
    name: 'els_outbox_dead',
    help: 'Outbox rows given up because Kafka refused a message for what is in it.',
    registers: this.registers,
  });
  readonly published = new Counter({
    name: 'els_messages_published_total',
    help: 'Messages acknowledged by Kafka, by contract topic.',
    labelNames: ['topic'],
    registers: this.registers,
  });
  readonly publishFailures = new Counter({
    name: 'els_publish_failures_total',
    help: 'Outbox rows that were put back unpublished, by outcome (retried, dead).',
    labelNames: ['outcome'],
    registers: this.registers,
  });
  readonly publishDelay = new Histogram({
    name: 'els_publish_delay_seconds',
    help: 'From commit of a transaction to acknowledgement of all its messages.',
    buckets: DURATION_BUCKETS_SECONDS,
    registers: this.registers,
  });
  readonly completionLatency = new Histogram({
    name: 'els_completion_latency_seconds',
    help: 'From receipt of the content or failure that completed a batch to acknowledgement of the completion by Kafka.',
    buckets: DURATION_BUCKETS_SECONDS,
    registers: this.registers,
  });
  readonly lag = new Gauge({
    name: 'els_consumer_lag',
    help: 'Records between the committed offset and the end of the partition; -1 when unknown.',
    labelNames: ['topic', 'partition'],
    registers: this.registers,
  });
  readonly assignedPartitions = new Gauge({
    name: 'els_assigned_partitions',
    help: 'Partitions this instance owns in the current generation of its group, by contract topic.',
    labelNames: ['topic'],
    registers: this.registers,
  });
  readonly rebalances = new Counter({
    name: 'els_rebalances_total',
    help: 'Generations of the consumer group that this instance joined.',
    registers: this.registers,
  });
  readonly buffered = new Gauge({
    name: 'els_intake_buffered_records',
    help: 'Records fetched and not yet resolved.',
    registers: this.registers,
  });
  readonly redisDuration = new Histogram({
    name: 'els_redis_command_duration_seconds',
    help: 'Duration of one pipeline to Redis, by operation (read, write, publish).',
    labelNames: ['operation'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: this.registers,
  });
  readonly redisErrors = new Counter({
    name: 'els_redis_errors_total',
    help: 'Redis operations that failed, timed out or were refused by the open breaker, by operation.',
    labelNames: ['operation'],
    registers: this.registers,
  });
  readonly hints = new Counter({
    name: 'els_hints_total',
    help: 'Idempotency hints by result: confirmed by the database, refuted by it, absent.',
    labelNames: ['result'],
    registers: this.registers,
  });
  readonly batches = new Gauge({
    name: 'els_batches',
    help: 'Unfinished batches by state, counted up to a limit; 0 on all instances but the one that counts.',
    labelNames: ['state'],
    registers: this.registers,
  });
  readonly batchOldestAge = new Gauge({
    name: 'els_batch_oldest_age_seconds',
    help: 'Age of the oldest batch that is announced (never registered) or open; 0 when there is none, and on all instances but the one that counts.',
    labelNames: ['state'],
    registers: this.registers,
  });
  readonly batchesErased = new Counter({
    name: 'els_batches_erased_total',
    help: 'Completed batches of which only a tombstone is left, because they were older than the retention.',
    registers: this.registers,
  });
  readonly pendingInputs = new Gauge({
    name: 'els_pending_inputs',
    help: 'Slot inputs waiting for the registration of their batch, counted up to a limit; 0 on all instances but the one that counts.',
    registers: this.registers,
  });
  readonly pendingOldestAge = new Gauge({
    name: 'els_pending_oldest_age_seconds',
    help: 'Age of the oldest pending input; 0 when there is none, and on all instances but the one that counts.',
    registers: this.registers,
  });
  readonly reconcilerRepairs = new Counter({
    name: 'els_reconciler_repairs_total',
    help: 'Impossible states the reconciler found and repaired, by kind. Anything above zero is an alert.',
    labelNames: ['kind'],
    registers: this.registers,
  });
  readonly liveConnections = new Gauge({
    name: 'els_live_connections',
    help: 'Open live connections of a gateway.',
    registers: this.registers,
  });
  readonly liveWatchedBatches = new Gauge({
    name: 'els_live_watched_batches',
    help: 'Batches that somebody watches at a gateway.',
    registers: this.registers,
  });
  readonly liveClosed = new Counter({
    name: 'els_live_connections_closed_total',
    help: 'Live connections that a gateway ended, by reason: restart (age or stop), slow, token, dead.',
    labelNames: ['reason'],
    registers: this.registers,
  });
  readonly gatewayRecordsInFlight = new Gauge({
    name: 'els_gateway_records_in_flight',
    help: 'Records of a gateway that Kafka has not acknowledged.',
    registers: this.registers,
  });
  readonly eventLoopLag = new Gauge({
    name: 'els_event_loop_lag_seconds',
    help: '99th percentile of the event-loop delay since the last scrape.',
    registers: this.registers,
  });
  readonly logLinesLost = new Counter({
    name: 'els_log_lines_lost_total',
    help: 'Log lines never written, because standard output took none for too long or is gone.',
    registers: this.registers,
  });
  readonly buildInfo = new Gauge({
    name: 'els_build_info',
    help: 'Always 1; the version and instance are labels.',
    labelNames: ['version', 'instance'],
    registers: this.registers,
  });
}
