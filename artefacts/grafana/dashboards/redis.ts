/** Hints, which may vanish at any moment (G8), and the server that keeps them. */
import { TARGETS } from '../../targets.ts';
import { type DashboardRow, frame } from '../frame.ts';
import { chart } from '../panels.ts';
import { PLACE, quantile, rareRate, rate } from '../queries.ts';

const EXPORTER = `job="redis", ${PLACE}`;

export const redis = () =>
  frame({
    uid: 'els-redis',
    title: 'Redis',
    description: 'Durations, errors and worth of the hints; memory and keys of the server.',
    rows: [hints, server],
  });

const hints: DashboardRow = {
  title: 'Hints as the workers see them',
  panels: [
    chart({
      title: 'Pipeline P95',
      description: 'By operation; red from the promised bound.',
      unit: 'seconds',
      queries: [
        { expr: quantile(0.95, 'els_redis_command_duration_seconds', { by: ['operation'] }), legend: '{{operation}}' },
      ],
      limits: { bad: TARGETS.redisOperationP95SecondsMax },
    }),
    chart({
      title: 'Failed, late or refused by the breaker',
      description: 'By operation. The service is right without Redis; repeated inputs only cost more.',
      unit: 'perSecond',
      queries: [{ expr: rareRate('els_redis_errors_total', 'operation'), legend: '{{operation}}' }],
    }),
    chart({
      title: 'Hints',
      description: 'Confirmed by the database, refuted by it (wrong hints, harmless), absent.',
      unit: 'perSecond',
      queries: [{ expr: rate('els_hints_total', { by: ['result'] }), legend: '{{result}}' }],
    }),
  ],
};

const server: DashboardRow = {
  title: 'Server (redis-exporter)',
  panels: [
    chart({
      title: 'Memory',
      description: 'Used, and the bound where one is set; 0 means none.',
      unit: 'bytes',
      queries: [
        { expr: `redis_memory_used_bytes{${EXPORTER}}`, legend: 'used' },
        { expr: `redis_memory_max_bytes{${EXPORTER}}`, legend: 'bound' },
      ],
    }),
    chart({
      title: 'Commands and evictions',
      description: 'Evicted hints are absent hints: no harm, more work.',
      unit: 'perSecond',
      queries: [
        { expr: `rate(redis_commands_processed_total{${EXPORTER}}[$__rate_interval])`, legend: 'commands' },
        { expr: `rate(redis_evicted_keys_total{${EXPORTER}}[$__rate_interval])`, legend: 'evicted' },
      ],
    }),
    chart({
      title: 'Clients',
      description: 'Connections, about two of each worker.',
      unit: 'count',
      queries: [{ expr: `redis_connected_clients{${EXPORTER}}`, legend: 'clients' }],
    }),
  ],
};
