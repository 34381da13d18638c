/**
 * Brokers, topics and consumer group of a part as metrics of job `kafka`, under the names of the usual kafka-exporter,
 * which no package system has: read by the harness's own client, one look at a time however often it is asked.
 */
import type { Admin, Kafka } from 'kafkajs';
import { readCommitted } from '../cluster/kafka-client.ts';
import { formatLabels } from './run-metrics.ts';

export interface KafkaPageOptions {
  readonly kafka: Kafka;
  readonly consumerGroup: string;
  readonly topics: readonly string[];
}

export class KafkaPage {
  private readonly options: KafkaPageOptions;
  private readonly admin: Admin;
  private looking: Promise<string> | null = null;

  constructor(options: KafkaPageOptions) {
    this.options = options;
    this.admin = options.kafka.admin();
  }

  async start(): Promise<void> {
    await this.admin.connect();
  }

  async stop(): Promise<void> {
    await this.admin.disconnect();
  }

  text(): Promise<string> {
    this.looking ??= this.look().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  private async look(): Promise<string> {
    const { admin } = this;
    const { consumerGroup: consumergroup, topics } = this.options;
    const [cluster, metadata, committed, groups, ...ends] = await Promise.all([
      admin.describeCluster(),
      admin.fetchTopicMetadata({ topics: [...topics] }),
      readCommitted(admin, consumergroup, topics),
      admin.describeGroups([consumergroup]),
      ...topics.map(async (topic) => ({ topic, partitions: await admin.fetchTopicOffsets(topic) })),
    ]);
    const offsets = ends.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, high }) => ({ topic, partition, end: Number(high) })),
    );
    const consumed = offsets.flatMap(({ topic, partition, end }) => {
      const position = committed.get(`${topic}/${partition}`);
      return position === undefined ? [] : [{ consumergroup, topic, partition, value: Math.max(0, end - position) }];
    });
    const partitions = metadata.topics.flatMap(({ name, partitions: all }) =>
      all.map(({ partitionId, isr, replicas }) => ({
        topic: name,
        partition: partitionId,
        value: isr.length < replicas.length ? 1 : 0,
      })),
    );
    const members = groups.groups.map((group) => ({ consumergroup: group.groupId, value: group.members.length }));
    return [
      metric('kafka_brokers', 'Brokers of the cluster.', [{ value: cluster.brokers.length }]),
      metric(
        'kafka_topic_partition_current_offset',
        'End of the partition.',
        offsets.map(({ topic, partition, end }) => ({ topic, partition, value: end })),
      ),
      metric('kafka_topic_partition_under_replicated_partition', '1 where a replica is not in sync.', partitions),
      metric('kafka_consumergroup_lag', 'Records between committed offset and end.', consumed),
      metric('kafka_consumergroup_members', 'Members of the group.', members),
    ].join('');
  }
}

type Sample = Readonly<Record<string, string | number>> & { readonly value: number };

function metric(name: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(({ value, ...labels }) => {
    const text = formatLabels(labels as Record<string, string | number>);
    return `${name}${text === '' ? '' : `{${text}}`} ${value}`;
  });
  return `${[`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines].join('\n')}\n`;
}
