import { Metrics } from '../../src/telemetry/metrics.ts';
import { ProcessMetrics } from '../../src/telemetry/process-metrics.ts';

/** What the exporters and Prometheus give us, as far as it is used: nobody else's metric is asked for unseen. */
const FROM_OTHERS = [
  'ALERTS',
  'up',
  'els_run_phase',
  'els_run_fault',
  'kafka_brokers',
  'kafka_consumergroup_lag',
  'kafka_consumergroup_members',
  'kafka_topic_partition_current_offset',
  'kafka_topic_partition_under_replicated_partition',
  'pg_locks_count',
  'pg_settings_max_connections',
  'pg_stat_activity_count',
  'pg_stat_database_blks_hit',
  'pg_stat_database_blks_read',
  'pg_stat_database_deadlocks',
  'pg_stat_database_xact_commit',
  'pg_stat_database_xact_rollback',
  'pg_stat_user_tables_n_dead_tup',
  'redis_commands_processed_total',
  'redis_connected_clients',
  'redis_evicted_keys_total',
  'redis_memory_max_bytes',
  'redis_memory_used_bytes',
];

export interface KnownMetrics {
  readonly names: ReadonlySet<string>;
  /** Labels a metric of the service declares; undefined for metrics of others. */
  labelsOf(name: string): readonly string[] | undefined;
}

/** Series names as Prometheus stores them: those of the service, its process, and the list above. */
export async function knownMetrics(): Promise<KnownMetrics> {
  const metrics = new Metrics();
  const processMetrics = new ProcessMetrics(metrics, { version: '', instance: '' });
  await processMetrics.start();
  await processMetrics.stop();
  const labels = new Map<string, readonly string[]>();
  for (const metric of metrics.registry.getMetricsAsArray()) {
    const declared = (metric as unknown as { labelNames: readonly string[] }).labelNames;
    const isHistogram = metric.constructor.name === 'Histogram';
    const names = isHistogram ? ['_bucket', '_sum', '_count'].map((end) => `${metric.name}${end}`) : [metric.name];
    for (const name of names) labels.set(name, declared);
  }
  metrics.registry.clear();
  return { names: new Set([...labels.keys(), ...FROM_OTHERS]), labelsOf: (name) => labels.get(name) };
}
