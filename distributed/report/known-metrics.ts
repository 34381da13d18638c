/** What the samples of a run are called and in what unit people read them; any other metric is drawn under its name. */

interface KnownMetric {
  readonly title: string;
  readonly unit: string;
  /** Of the unit, from what was sampled. */
  readonly factor?: number;
  /** Drawn as its growth per second: a total says nothing about when. */
  readonly isCounter?: boolean;
}

/** In the order of the page. */
export const KNOWN_METRICS: Readonly<Record<string, KnownMetric>> = {
  inputs_total: { title: 'Inputs resolved', unit: '/s', isCounter: true },
  lag_records: { title: 'Consumer lag', unit: 'records' },
  outbox_depth: { title: 'Outbox depth', unit: 'rows' },
  outbox_oldest_seconds: { title: 'Oldest unpublished outbox row', unit: 's' },
  buffered_records: { title: 'Records buffered in the worker', unit: 'records' },
  cpu_fraction: { title: 'CPU per process', unit: 'cores' },
  host_busy_fraction: { title: 'Busy share of the machine', unit: '%', factor: 100 },
  rss_bytes: { title: 'Memory per process (RSS)', unit: 'bytes' },
  outbox_messages: { title: 'Events waiting for Kafka, as a worker tells', unit: 'events' },
  open_files: { title: 'Open files and sockets per worker', unit: 'files' },
  heap_used_bytes: { title: 'JavaScript heap per worker', unit: 'bytes' },
  event_loop_lag_seconds: { title: 'Event-loop lag', unit: 's' },
  pool_in_use: { title: 'Database connections in use', unit: 'connections' },
  busy_batches_total: { title: 'Batches found in other hands', unit: '/s', isCounter: true },
  unique_conflicts_total: { title: 'Unique conflicts', unit: '/s', isCounter: true },
  rebalances_total: { title: 'Consumer group generations joined', unit: '/s', isCounter: true },
};
