/** One run of the harness: its phases and faults over what the workers did. */
import { OPERATING_LIMITS, TARGETS } from '../../targets.ts';
import { annotation, type DashboardRow, frame } from '../frame.ts';
import { chart, timeline } from '../panels.ts';
import { lag, quantile, RUN_WORKERS, rareRate, rate, selected, shared } from '../queries.ts';

export const run = () =>
  frame({
    uid: 'els-run',
    title: 'run',
    description: 'A run of a scenario: phases and faults as annotations over rate, latency, lag and outbox.',
    choices: ['scenario'],
    rows: [harness, effect],
  })
    .annotation(
      annotation('Phases', 'els_run_phase{scenario=~"$scenario"}', {
        titleFormat: '{{scenario}}: {{phase}}',
        iconColor: 'blue',
      }),
    )
    .annotation(
      annotation('Faults', 'els_run_fault{scenario=~"$scenario"}', {
        titleFormat: '{{fault}} {{target}}',
        iconColor: 'orange',
      }),
    );

const harness: DashboardRow = {
  title: 'What the harness did',
  panels: [
    timeline({
      title: 'Phases',
      description: 'The phase the run is in, told by the harness itself.',
      unit: 'none',
      columns: 12,
      queries: [{ expr: 'els_run_phase{scenario=~"$scenario"}', legend: '{{scenario}} {{phase}}' }],
    }),
    timeline({
      title: 'Faults',
      description: '1 while a fault lasts.',
      unit: 'none',
      columns: 12,
      queries: [{ expr: 'els_run_fault{scenario=~"$scenario"}', legend: '{{fault}} {{target}}' }],
    }),
  ],
};

const workers = RUN_WORKERS;

const effect: DashboardRow = {
  title: 'What it did to the service',
  panels: [
    chart({
      title: 'Inputs resolved',
      description: 'By worker. A fault shows as a gap that the others fill.',
      unit: 'perSecond',
      queries: [{ expr: rate('els_inputs_total', { by: ['instance'], workers }), legend: '{{instance}}' }],
    }),
    chart({
      title: 'Completion latency',
      description:
        'From receipt of the input that completed a batch to the acknowledged completion. Yellow: what is aimed at, at half capacity; red: what is promised.',
      unit: 'seconds',
      queries: [0.5, 0.99].map((share) => ({
        expr: quantile(share, 'els_completion_latency_seconds', { workers }),
        legend: `P${share * 100}`,
      })),
      limits: { warn: TARGETS.completionP99SecondsMax, bad: TARGETS.coordinationSecondsMax },
    }),
    chart({
      title: 'Lag',
      description: 'By topic. Must return to zero when the load ends.',
      unit: 'count',
      queries: [{ expr: lag('topic', { workers }), legend: '{{topic}}' }],
      limits: { bad: OPERATING_LIMITS.lagRecordsMax },
    }),
    chart({
      title: 'Outbox',
      description: 'Unpublished rows. Must return to zero when Kafka is back.',
      unit: 'count',
      queries: [{ expr: shared('els_outbox_unpublished', { workers }), legend: 'rows' }],
    }),
    chart({
      title: 'Retries',
      description: 'By where they happened: which dependency the fault hit.',
      unit: 'perSecond',
      queries: [{ expr: rareRate('els_retries_total', 'reason', { workers }), legend: '{{reason}}' }],
    }),
    chart({
      title: 'Consumer group generations joined',
      description: 'Rebalances joined by each worker since its start; a restart begins at zero.',
      unit: 'count',
      queries: [{ expr: selected('els_rebalances_total', { workers }), legend: '{{instance}}' }],
    }),
  ],
};
