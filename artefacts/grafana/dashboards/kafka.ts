/** Consuming and publishing as the workers see it, and the brokers as their exporter sees them. */
import { OPERATING_LIMITS } from '../../targets.ts';
import { type DashboardRow, frame } from '../frame.ts';
import { chart, figure, timeline } from '../panels.ts';
import { lag, lagGrowth, PLACE, quantile, rareRate, rate, selected } from '../queries.ts';

const EXPORTER = `job="kafka", ${PLACE}`;
const TOPICS = `${EXPORTER}, topic=~".*($topic)"`;

const CHOSEN = { where: 'topic=~"$topic"' };

export const kafka = () =>
  frame({
    uid: 'els-kafka',
    title: 'Kafka',
    description: 'Lag, consuming, publishing, and the brokers behind them.',
    choices: ['topic'],
    rows: [consuming, publishing, brokers],
  });

const consuming: DashboardRow = {
  title: 'Consuming',
  panels: [
    chart({
      title: 'Lag by partition',
      description: 'Records between committed offset and end of the chosen topics. One partition alone: a hot key.',
      unit: 'count',
      queries: [{ expr: lag('topic, partition', { where: 'topic=~"$topic"' }), legend: '{{topic}} {{partition}}' }],
      limits: { bad: OPERATING_LIMITS.lagRecordsMax },
    }),
    chart({
      title: 'Lag in seconds',
      description: 'How long the workers need for what waits, at their present speed, if nothing more came.',
      unit: 'seconds',
      queries: [
        {
          expr: `${lag('topic', CHOSEN)} / (${rate('els_inputs_total', { by: ['topic'], ...CHOSEN })} > 0)`,
          legend: '{{topic}}',
        },
      ],
      limits: { bad: 60 },
    }),
    chart({
      title: 'Produced and resolved',
      description:
        'What comes is what is resolved and what the lag grows by. Apart for long: the workers do not keep up.',
      unit: 'perSecond',
      queries: [
        {
          expr: `sum(${rate('els_inputs_total', CHOSEN)}) + sum(${lagGrowth('topic', CHOSEN)})`,
          legend: 'produced',
        },
        { expr: rate('els_inputs_total', CHOSEN), legend: 'resolved' },
      ],
    }),
    chart({
      title: 'Time to drain',
      description: 'Until the lag is gone as fast as it falls now, by topic; nothing is shown while it does not fall.',
      unit: 'seconds',
      queries: [{ expr: `${lag('topic', CHOSEN)} / (- ${lagGrowth('topic', CHOSEN)} > 0)`, legend: '{{topic}}' }],
    }),
    chart({
      title: 'Partitions of unknown lag',
      description: 'Partitions whose lag no worker can read: brokers do not answer, or refuse.',
      unit: 'count',
      queries: [
        {
          expr: `sum(max by (topic, partition) (${selected('els_consumer_lag', { where: 'topic=~"$topic"' })}) == bool -1)`,
          legend: 'partitions',
        },
      ],
      limits: { bad: 1 },
    }),
    chart({
      title: 'Fetched and not yet resolved',
      description: 'Records in the memory of each worker; bounded, so a flat top means the database is the limit.',
      unit: 'count',
      queries: [{ expr: selected('els_intake_buffered_records'), legend: '{{instance}}' }],
    }),
    chart({
      title: 'Inputs resolved by topic',
      description: 'Records of the chosen topics that got their disposition.',
      unit: 'perSecond',
      queries: [{ expr: rate('els_inputs_total', { by: ['topic'], where: 'topic=~"$topic"' }), legend: '{{topic}}' }],
    }),
    timeline({
      title: 'Owners of partitions',
      description: 'How many partitions of each topic each worker has, over time. Red: none, so it has nothing to do.',
      unit: 'count',
      queries: [
        {
          expr: `sum by (instance, topic) (${selected('els_assigned_partitions', CHOSEN)})`,
          legend: '{{instance}} {{topic}}',
        },
      ],
      limits: { least: 1 },
    }),
    chart({
      title: 'Partitions owned',
      description:
        'Of the chosen topics, by worker. Uneven: some have nothing to do; a sum below the partitions of the topics: records that nobody reads.',
      unit: 'count',
      queries: [
        {
          expr: `sum by (instance) (${selected('els_assigned_partitions', { where: 'topic=~"$topic"' })})`,
          legend: '{{instance}}',
        },
      ],
    }),
    chart({
      title: 'Consumer group generations joined',
      description: 'By worker. Rises when workers come and go; steady rise means the consumer group cannot settle.',
      unit: 'count',
      queries: [{ expr: selected('els_rebalances_total'), legend: '{{instance}}' }],
    }),
    chart({
      title: 'Retries and dead letters',
      description: 'Attempts again by where they happened, records set aside by reason (G3).',
      unit: 'perSecond',
      queries: [
        { expr: rareRate('els_retries_total', 'reason'), legend: 'retry {{reason}}' },
        { expr: rareRate('els_dead_letters_total', 'reason'), legend: 'dead letter {{reason}}' },
      ],
    }),
    chart({
      title: 'Records deleted unread',
      description:
        'Since the workers started, by worker. Not zero: Kafka keeps inputs for a shorter time than they wait.',
      unit: 'count',
      queries: [{ expr: selected('els_records_deleted_unread_total'), legend: '{{instance}}' }],
    }),
  ],
};

const publishing: DashboardRow = {
  title: 'Publishing',
  panels: [
    chart({
      title: 'Messages acknowledged',
      description: 'By contract topic: slot assigned, excess, completed.',
      unit: 'perSecond',
      queries: [{ expr: rate('els_messages_published_total', { by: ['topic'] }), legend: '{{topic}}' }],
    }),
    chart({
      title: 'Publish delay',
      description: 'From commit of a transaction to acknowledgement of all its messages (G7).',
      unit: 'seconds',
      queries: [0.5, 0.99].map((share) => ({
        expr: quantile(share, 'els_publish_delay_seconds'),
        legend: `P${share * 100}`,
      })),
      limits: { bad: OPERATING_LIMITS.publishDelayP99SecondsMax },
    }),
    chart({
      title: 'Failed publications',
      description: 'Outbox rows by outcome: tried again, or given up.',
      unit: 'perSecond',
      queries: [{ expr: rareRate('els_publish_failures_total', 'outcome'), legend: '{{outcome}}' }],
    }),
  ],
};

const brokers: DashboardRow = {
  title: 'Brokers (kafka-exporter)',
  panels: [
    figure({
      title: 'Brokers',
      description: 'Brokers the exporter sees.',
      unit: 'count',
      columns: 12,
      queries: [{ expr: `kafka_brokers{${EXPORTER}}`, legend: 'brokers' }],
    }),
    figure({
      title: 'Under-replicated partitions',
      description: 'Partitions with fewer in-sync replicas than wanted: one more failure may stop writes.',
      unit: 'count',
      columns: 12,
      queries: [{ expr: `sum(kafka_topic_partition_under_replicated_partition{${EXPORTER}})`, legend: 'partitions' }],
      limits: { bad: 1 },
    }),
    chart({
      title: 'Records produced',
      description: 'Growth of the chosen topics, whoever writes to them.',
      unit: 'perSecond',
      queries: [
        {
          expr: `sum by (topic) (rate(kafka_topic_partition_current_offset{${TOPICS}}[$__rate_interval]))`,
          legend: '{{topic}}',
        },
      ],
    }),
    chart({
      title: 'Lag as the exporter sees it',
      description: 'Must agree with the lag the workers report; if not, one of them is blind.',
      unit: 'count',
      queries: [
        {
          expr: `sum by (consumergroup, topic) (kafka_consumergroup_lag{${TOPICS}})`,
          legend: '{{consumergroup}} {{topic}}',
        },
      ],
      limits: { bad: OPERATING_LIMITS.lagRecordsMax },
    }),
    chart({
      title: 'Consumer group members',
      description: 'Members of each consumer group: as many as there are workers.',
      unit: 'count',
      queries: [
        { expr: `sum by (consumergroup) (kafka_consumergroup_members{${EXPORTER}})`, legend: '{{consumergroup}}' },
      ],
    }),
  ],
};
