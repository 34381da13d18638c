/** One look: is it well, what does each worker do (rate, errors, duration), what do its dependencies bear. */
import { OPERATING_LIMITS, TARGETS } from '../../targets.ts';
import { type DashboardRow, frame } from '../frame.ts';
import { chart, figure, listing } from '../panels.ts';
import { average, lag, lagGrowth, quantile, rareRate, rareTotal, rate, selected, shared } from '../queries.ts';

export const overview = () =>
  frame({
    uid: 'els-overview',
    title: 'overview',
    description: 'Health of the service, each worker by rate, errors and duration, each dependency by use and errors.',
    rows: [health, workers, dependencies, surface, processes],
  });

const health: DashboardRow = {
  title: 'Is it well',
  panels: [
    figure({
      title: 'Workers',
      leadsTo: 'els-kafka',
      description: 'Workers that answer their scrape. Red when there is none.',
      unit: 'count',
      queries: [{ expr: `sum(${selected('up')}) or vector(0)`, legend: 'workers' }],
      limits: { least: 1 },
    }),
    figure({
      title: 'Lag',
      leadsTo: 'els-kafka',
      description: 'Records of all topics not yet resolved. Growing for long means more comes than is taken.',
      unit: 'count',
      queries: [{ expr: `sum(${lag('topic')})`, legend: 'records' }],
      limits: { bad: OPERATING_LIMITS.lagRecordsMax },
    }),
    figure({
      title: 'Oldest unpublished event',
      leadsTo: 'els-outbox',
      description: 'Age of the oldest outbox row. High when Kafka takes no writes (G7).',
      unit: 'seconds',
      queries: [{ expr: shared('els_outbox_oldest_age_seconds'), legend: 'age' }],
      limits: { bad: OPERATING_LIMITS.outboxAgeSecondsMax },
    }),
    figure({
      title: 'Events given up',
      leadsTo: 'els-outbox',
      description: 'Dead outbox rows: events that are not in Kafka until somebody revives them (G7).',
      unit: 'count',
      queries: [{ expr: shared('els_outbox_dead'), legend: 'rows' }],
      limits: { bad: 1 },
    }),
    figure({
      title: 'Impossible states repaired',
      leadsTo: 'els-slots',
      description: 'Repairs of the reconciler since the workers started. Anything above zero is an alert (G4, G6).',
      unit: 'count',
      queries: [{ expr: rareTotal('els_reconciler_repairs_total', 'kind'), legend: '{{kind}}' }],
      limits: { bad: TARGETS.reconcilerRepairsMax + 1 },
    }),
    figure({
      title: 'Completions',
      leadsTo: 'els-slots',
      description: 'Batches whose completion Kafka has acknowledged, per minute.',
      unit: 'perMinute',
      queries: [{ expr: `60 * ${rate('els_completion_latency_seconds_count')}`, legend: 'batches' }],
    }),
    figure({
      title: 'Oldest open batch',
      leadsTo: 'els-slots',
      description:
        'Age of the oldest batch with open slots: els batch list --state open names it, els batch close ends it.',
      unit: 'seconds',
      queries: [{ expr: shared('els_batch_oldest_age_seconds', { where: 'state="open"' }), legend: 'age' }],
      limits: { warn: OPERATING_LIMITS.announcedAgeSecondsMax, bad: OPERATING_LIMITS.openAgeSecondsMax },
    }),
    figure({
      title: 'Time to drain',
      leadsTo: 'els-kafka',
      description: 'At the present speed, until the lag is gone; nothing is shown while it does not fall.',
      unit: 'seconds',
      queries: [{ expr: `sum(${lag('topic')}) / (- sum(${lagGrowth('topic')}) > 0)`, legend: 'left' }],
    }),
    figure({
      title: 'Unknown events',
      leadsTo: 'els-kafka',
      description:
        'Records of an event_type that the contract has not, since the workers started. A misspelt one looks so.',
      unit: 'count',
      queries: [{ expr: rareTotal('els_unknown_events_total', 'event_type'), legend: '{{event_type}}' }],
      limits: { warn: 1, bad: 1_000 },
    }),
    figure({
      title: 'Dead letters',
      leadsTo: 'els-kafka',
      description: 'Records set aside since the workers started, by reason (G3): els dlq list.',
      unit: 'count',
      queries: [{ expr: rareTotal('els_dead_letters_total', 'reason'), legend: '{{reason}}' }],
      limits: { warn: 1, bad: 1_000 },
    }),
  ],
};

const workers: DashboardRow = {
  title: 'Each worker: rate, errors, duration',
  panels: [
    chart({
      title: 'Inputs resolved',
      leadsTo: 'els-kafka',
      description: 'Input records that got their disposition, by worker. Unequal when keys favour a partition.',
      unit: 'perSecond',
      queries: [{ expr: rate('els_inputs_total', { by: ['instance'] }), legend: '{{instance}}' }],
    }),
    chart({
      title: 'Retries and dead letters',
      leadsTo: 'els-kafka',
      description: 'Transient failures answered by another attempt, and records set aside. Conflicts are harmless.',
      unit: 'perSecond',
      queries: [
        { expr: rareRate('els_retries_total', 'reason'), legend: 'retry {{reason}}' },
        { expr: rareRate('els_dead_letters_total', 'reason'), legend: 'dead letter {{reason}}' },
      ],
    }),
    chart({
      title: 'Completion latency P99',
      leadsTo: 'els-slots',
      description:
        'From receipt of the input that completed a batch to the acknowledged completion. Yellow: what is aimed at, at half capacity; red: what is promised.',
      unit: 'seconds',
      queries: [
        { expr: quantile(0.99, 'els_completion_latency_seconds', { by: ['instance'] }), legend: '{{instance}}' },
      ],
      limits: { warn: TARGETS.completionP99SecondsMax, bad: TARGETS.coordinationSecondsMax },
    }),
  ],
};

const dependencies: DashboardRow = {
  title: 'Each dependency: use, saturation, errors',
  panels: [
    chart({
      title: 'PostgreSQL: average statement',
      leadsTo: 'els-postgres',
      description: 'Average duration of all statements as the workers see it; red from the promised bound.',
      unit: 'seconds',
      queries: [
        { expr: average('els_database_statement_duration_seconds', { by: ['instance'] }), legend: '{{instance}}' },
      ],
      limits: { bad: TARGETS.databaseOperationAverageSecondsMax },
    }),
    chart({
      title: 'PostgreSQL: pool and errors',
      leadsTo: 'els-postgres',
      description: 'Connections in use, work waiting for one, and failed statements by SQLSTATE.',
      unit: 'none',
      queries: [
        {
          expr: `sum by (state) (${selected('els_database_pool_connections', { where: 'state=~"active|waiting"' })})`,
          legend: '{{state}}',
        },
        { expr: rareRate('els_database_errors_total', 'sqlstate'), legend: 'errors/s {{sqlstate}}' },
      ],
    }),
    chart({
      title: 'Redis: P95 and errors',
      leadsTo: 'els-redis',
      description: 'Duration of a pipeline; red from the promised bound. Errors only cost the hints (G8).',
      unit: 'seconds',
      queries: [
        { expr: quantile(0.95, 'els_redis_command_duration_seconds', { by: ['operation'] }), legend: '{{operation}}' },
        { expr: rareRate('els_redis_errors_total', 'operation'), legend: 'errors/s {{operation}}' },
      ],
      limits: { bad: TARGETS.redisOperationP95SecondsMax },
    }),
    chart({
      title: 'Kafka: lag',
      leadsTo: 'els-kafka',
      description: 'Records between committed offset and end, by topic.',
      unit: 'count',
      queries: [{ expr: lag('topic'), legend: '{{topic}}' }],
      limits: { bad: OPERATING_LIMITS.lagRecordsMax },
    }),
    chart({
      title: 'Kafka: publish delay P99',
      leadsTo: 'els-kafka',
      description: 'From commit of a transaction to acknowledgement of all its messages.',
      unit: 'seconds',
      queries: [{ expr: quantile(0.99, 'els_publish_delay_seconds', { by: ['instance'] }), legend: '{{instance}}' }],
      limits: { bad: OPERATING_LIMITS.publishDelayP99SecondsMax },
    }),
    chart({
      title: 'Kafka: failed publications and rebalances',
      leadsTo: 'els-kafka',
      description:
        'Rows whose publication failed, and consumer group generations joined. Both rise when brokers are in trouble.',
      unit: 'perSecond',
      queries: [
        { expr: rareRate('els_publish_failures_total', 'outcome'), legend: 'publication {{outcome}}' },
        { expr: rate('els_rebalances_total'), legend: 'rebalances' },
      ],
    }),
  ],
};

const surface: DashboardRow = {
  title: 'Probes and read API',
  panels: [
    chart({
      title: 'Readiness by dependency',
      leadsTo: 'els-kafka',
      description: 'What /ready says of each worker; 0 is not well. Without redis or outbox it is still ready.',
      unit: 'none',
      queries: [
        {
          expr: `min by (instance, dependency) (${selected('els_dependency_up')})`,
          legend: '{{instance}} {{dependency}}',
        },
      ],
    }),
    chart({
      title: 'HTTP requests',
      leadsTo: 'els-postgres',
      description: 'Requests by route and class of status. 4xx with a crowd is 429: more than a process answers.',
      unit: 'perSecond',
      queries: [
        {
          expr: rate('els_http_request_duration_seconds_count', { by: ['route', 'status'] }),
          legend: '{{route}} {{status}}',
        },
      ],
    }),
    chart({
      title: 'HTTP duration P95',
      leadsTo: 'els-postgres',
      description: 'From the request to the end of its answer, the wait for its turn included.',
      unit: 'seconds',
      queries: [{ expr: quantile(0.95, 'els_http_request_duration_seconds', { by: ['route'] }), legend: '{{route}}' }],
    }),
  ],
};

const processes: DashboardRow = {
  title: 'Processes',
  panels: [
    chart({
      title: 'CPU',
      leadsTo: 'els-kafka',
      description: 'Share of one core each worker uses. JavaScript runs on one core.',
      unit: 'share',
      columns: 6,
      queries: [{ expr: rate('process_cpu_seconds_total', { by: ['instance'] }), legend: '{{instance}}' }],
    }),
    chart({
      title: 'Memory',
      leadsTo: 'els-kafka',
      description: 'Resident memory; by design the size of batches does not show in it.',
      unit: 'bytes',
      columns: 6,
      queries: [{ expr: selected('process_resident_memory_bytes'), legend: '{{instance}}' }],
    }),
    chart({
      title: 'Event-loop lag P99',
      leadsTo: 'els-kafka',
      description: 'How late timers fire. High means too little CPU: heartbeats come late, partitions move (G3).',
      unit: 'seconds',
      columns: 6,
      queries: [{ expr: selected('els_event_loop_lag_seconds'), legend: '{{instance}}' }],
      limits: { bad: OPERATING_LIMITS.eventLoopLagSecondsMax },
    }),
    chart({
      title: 'Log lines lost',
      leadsTo: 'els-kafka',
      description: 'Standard output takes no lines: a full disk, or nobody reads them. The work goes on unseen.',
      unit: 'none',
      columns: 6,
      queries: [{ expr: rate('els_log_lines_lost_total', { by: ['instance'] }), legend: '{{instance}}' }],
    }),
    listing({
      title: 'Who runs',
      leadsTo: 'els-kafka',
      description: 'Version and own name (exported_instance) of each scraped worker.',
      unit: 'none',
      columns: 6,
      queries: [{ expr: selected('els_build_info'), legend: '' }],
    }),
  ],
};
