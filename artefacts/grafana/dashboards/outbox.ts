/** Events between the commit that caused them and Kafka (G7). */
import { OPERATING_LIMITS } from '../../targets.ts';
import { type DashboardRow, frame } from '../frame.ts';
import { chart, figure } from '../panels.ts';
import { quantile, rareRate, rareTotal, rate, shared } from '../queries.ts';

export const outbox = () =>
  frame({
    uid: 'els-outbox',
    title: 'outbox',
    description: 'Events that are committed and not yet in Kafka, how they leave, and those that cannot.',
    rows: [now, leaving],
  });

const now: DashboardRow = {
  title: 'Waiting',
  panels: [
    figure({
      title: 'Unpublished rows',
      description: 'Transactions whose events are not acknowledged yet. A few under load, none at rest.',
      unit: 'count',
      columns: 6,
      queries: [{ expr: shared('els_outbox_unpublished'), legend: 'rows' }],
      limits: { warn: OPERATING_LIMITS.lagRecordsMax, bad: OPERATING_LIMITS.lagRecordsMax * 10 },
    }),
    figure({
      title: 'Oldest unpublished',
      description: 'Age of the oldest row; high when Kafka takes no writes.',
      unit: 'seconds',
      columns: 6,
      queries: [{ expr: shared('els_outbox_oldest_age_seconds'), legend: 'age' }],
      limits: { bad: OPERATING_LIMITS.outboxAgeSecondsMax },
    }),
    figure({
      title: 'Given up',
      description:
        'Rows with a message that Kafka refused for what is in it; `els outbox retry` after the cause is mended.',
      unit: 'count',
      columns: 6,
      queries: [{ expr: shared('els_outbox_dead'), legend: 'rows' }],
      limits: { bad: 1 },
    }),
    figure({
      title: 'Marks tried again',
      description: 'Published rows whose mark in the table had to wait: their events may appear twice, with one id.',
      unit: 'count',
      columns: 6,
      queries: [
        { expr: rareTotal('els_retries_total', 'reason', { where: 'reason="outbox_mark"' }), legend: '{{reason}}' },
      ],
    }),
  ],
};

const leaving: DashboardRow = {
  title: 'Leaving',
  panels: [
    chart({
      title: 'Messages acknowledged',
      description: 'By worker that published them; a takeover shows as one rising when another falls.',
      unit: 'perSecond',
      queries: [{ expr: rate('els_messages_published_total', { by: ['instance'] }), legend: '{{instance}}' }],
    }),
    chart({
      title: 'Publish delay',
      description: 'From commit of a transaction to acknowledgement of all its messages.',
      unit: 'seconds',
      queries: [0.5, 0.95, 0.99].map((share) => ({
        expr: quantile(share, 'els_publish_delay_seconds'),
        legend: `P${share * 100}`,
      })),
      limits: { bad: OPERATING_LIMITS.publishDelayP99SecondsMax },
    }),
    chart({
      title: 'Messages waiting',
      description: 'Not acknowledged yet; at the high-water mark the intake pauses until half of them are gone.',
      unit: 'count',
      queries: [
        { expr: shared('els_outbox_unpublished_messages'), legend: 'messages' },
        { expr: shared('els_intake_held'), legend: 'intake held' },
      ],
    }),
    chart({
      title: 'Destinations in trouble',
      description: 'Partitions that an instance cannot write to, by reason: only what goes there waits.',
      unit: 'count',
      queries: [
        {
          expr: rareTotal('els_outbox_sick_destinations', 'reason'),
          legend: '{{reason}}',
        },
      ],
    }),
    chart({
      title: 'Failed publications',
      description: 'Rows by outcome: tried again, or given up.',
      unit: 'perSecond',
      queries: [{ expr: rareRate('els_publish_failures_total', 'outcome'), legend: '{{outcome}}' }],
    }),
  ],
};
