/** The database as the workers meet it, and as its exporter sees it from inside. */
import { OPERATING_LIMITS, TARGETS } from '../../targets.ts';
import { type DashboardRow, frame } from '../frame.ts';
import { chart } from '../panels.ts';
import { average, PLACE, quantile, rareRate, rate, selected } from '../queries.ts';

const EXPORTER = `job="postgres", ${PLACE}`;

export const postgres = () =>
  frame({
    uid: 'els-postgres',
    title: 'PostgreSQL',
    description: 'Statements, pools and errors of the workers; connections, locks and tables of the server.',
    rows: [statements, server],
  });

const statements: DashboardRow = {
  title: 'As the workers see it',
  panels: [
    chart({
      title: 'Statement P95',
      description: 'By statement file in src/postgres/sql.',
      unit: 'seconds',
      columns: 12,
      queries: [
        {
          expr: quantile(0.95, 'els_database_statement_duration_seconds', { by: ['statement'] }),
          legend: '{{statement}}',
        },
      ],
    }),
    chart({
      title: 'Average statement',
      description: 'Over all statements; red from the promised bound.',
      unit: 'seconds',
      columns: 12,
      queries: [{ expr: average('els_database_statement_duration_seconds'), legend: 'average' }],
      limits: { bad: TARGETS.databaseOperationAverageSecondsMax },
    }),
    chart({
      title: 'Statements',
      description: 'By statement; one assignment is a handful of them, however many inputs it carries.',
      unit: 'perSecond',
      queries: [
        {
          expr: rate('els_database_statement_duration_seconds_count', { by: ['statement'] }),
          legend: '{{statement}}',
        },
      ],
    }),
    chart({
      title: 'Pools',
      description: 'Connections by pool and state; waiting is work that found none free.',
      unit: 'count',
      queries: [
        {
          expr: `sum by (pool, state) (${selected('els_database_pool_connections')})`,
          legend: '{{pool}} {{state}}',
        },
      ],
    }),
    chart({
      title: 'Failed statements',
      description: 'By SQLSTATE. 23505 and 55P03 are expected races; 40P01 (deadlock) must never appear.',
      unit: 'perSecond',
      queries: [{ expr: rareRate('els_database_errors_total', 'sqlstate'), legend: '{{sqlstate}}' }],
    }),
  ],
};

const grown = (metric: string, by: string) => `sum by (${by}) (rate(${metric}{${EXPORTER}}[$__rate_interval]))`;

const server: DashboardRow = {
  title: 'Server (postgres-exporter)',
  panels: [
    chart({
      title: 'Share of connections in use',
      description: 'Of max_connections. Workers are refused when it reaches one.',
      unit: 'share',
      queries: [
        {
          expr: `sum(pg_stat_activity_count{${EXPORTER}}) / max(pg_settings_max_connections{${EXPORTER}})`,
          legend: 'connections',
        },
      ],
      limits: { bad: OPERATING_LIMITS.connectionShareMax },
    }),
    chart({
      title: 'Transactions',
      description: 'Committed and rolled back, by database. Rollbacks are conflicts that were tried again.',
      unit: 'perSecond',
      queries: [
        { expr: grown('pg_stat_database_xact_commit', 'datname'), legend: 'commit {{datname}}' },
        { expr: grown('pg_stat_database_xact_rollback', 'datname'), legend: 'rollback {{datname}}' },
      ],
    }),
    chart({
      title: 'Deadlocks',
      description: 'Counted by the server. By design there is none (G2).',
      unit: 'count',
      queries: [{ expr: `sum by (datname) (pg_stat_database_deadlocks{${EXPORTER}})`, legend: '{{datname}}' }],
      limits: { bad: TARGETS.deadlocksMax + 1 },
    }),
    chart({
      title: 'Locks',
      description: 'Held or awaited, by mode.',
      unit: 'count',
      queries: [{ expr: `sum by (mode) (pg_locks_count{${EXPORTER}})`, legend: '{{mode}}' }],
    }),
    chart({
      title: 'Cache hits',
      description: 'Share of blocks found in shared buffers. Falling: the hot tables no longer fit.',
      unit: 'share',
      queries: [
        {
          expr: `sum(rate(pg_stat_database_blks_hit{${EXPORTER}}[$__rate_interval])) / (sum(rate(pg_stat_database_blks_hit{${EXPORTER}}[$__rate_interval])) + sum(rate(pg_stat_database_blks_read{${EXPORTER}}[$__rate_interval])))`,
          legend: 'hits',
        },
      ],
    }),
    chart({
      title: 'Dead rows',
      description: 'By table. Growing without end: autovacuum does not keep up, look for long transactions.',
      unit: 'count',
      queries: [{ expr: `sum by (relname) (pg_stat_user_tables_n_dead_tup{${EXPORTER}})`, legend: '{{relname}}' }],
    }),
  ],
};
