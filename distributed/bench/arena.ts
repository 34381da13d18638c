/**
 * Where contestants meet: topics with one backlog in them, read by each of them in turn under a consumer group of its
 * own, and for each drain a fresh database with the same registered batches and an empty Redis. So they differ in
 * nothing but themselves.
 */
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { type Topics, topicsFor } from '../../src/contract/topics.ts';
import { emptyRedis, nameOfDatabase, urlOfDatabase, withClient } from '../cluster/databases.ts';
import { kafkaClient, ownSettings, waitForCoordinator, withAdmin, withSettings } from '../cluster/kafka-client.ts';
import { createTopics, migrate, type ProductAddresses } from '../cluster/product.ts';
import type { Stack } from '../stack/stack.ts';
import { addFinishedBatches, type Backlog, publishContents, registerBatches } from './backlog.ts';

/** What `els topics ensure` makes by default. */
export const PARTITIONS = 15;

export interface ArenaOptions {
  /** Of every topic; PARTITIONS if not given. */
  readonly partitions?: number;
  /** Of the events; what the topics have if not given. */
  readonly messageBytesMax?: number;
  /** Batches that were complete before anybody came; none if not given. */
  readonly finishedBatches?: number;
}

/** By `topic/partition`: where the first record of a drain will be. */
export type TopicEnds = ReadonlyMap<string, number>;

/** One drain's own: nobody was here before, and nobody comes after. */
export interface Arena {
  readonly addresses: ProductAddresses;
  readonly topics: Topics;
  readonly kafka: Kafka;
  readonly backlog: Backlog;
  /** Of the topics that contestants write to, before they do. */
  readonly outputsFrom: TopicEnds;
}

let arenaCount = 0;

export class ArenaBuilder {
  private readonly stack: Stack;
  private readonly prefix: string;
  private readonly backlog: Backlog;
  private readonly finishedBatches: number;
  private readonly kafka: Kafka;
  private readonly templates = new Map<string, Promise<string>>();

  private constructor(stack: Stack, prefix: string, backlog: Backlog, finishedBatches: number) {
    this.stack = stack;
    this.prefix = prefix;
    this.backlog = backlog;
    this.finishedBatches = finishedBatches;
    this.kafka = kafkaClient(stack.kafkaBrokers, 'bench');
  }

  /** Makes the topics, by the commands of the checkout in `root`. Nothing is published yet. */
  static async open(stack: Stack, root: string, backlog: Backlog, options: ArenaOptions = {}): Promise<ArenaBuilder> {
    const prefix = `bench${process.pid}-${++arenaCount}.`;
    const { partitions = PARTITIONS, finishedBatches = 0, messageBytesMax } = options;
    const builder = new ArenaBuilder(stack, prefix, backlog, finishedBatches);
    const addresses = { ...builder.addressesOf('postgres'), topicPrefix: prefix };
    await createTopics(root, addresses, { partitions, replicas: 1 });
    const topics = topicsFor(prefix);
    await withAdmin(builder.kafka, (admin) =>
      // The broker's clock says when an event was there, whoever wrote it.
      configure(admin, [topics.slotAssigned, topics.completed], {
        'message.timestamp.type': 'LogAppendTime',
        ...(messageBytesMax !== undefined && { 'max.message.bytes': String(messageBytesMax) }),
      }),
    );
    await waitForCoordinator(builder.kafka, `${prefix}none`);
    return builder;
  }

  /** Once: every arena reads the same records. */
  async publish(): Promise<void> {
    await publishContents(this.kafka, topicsFor(this.prefix), this.backlog);
  }

  /** With the tables of the checkout in `root`. */
  async build(root: string): Promise<Arena> {
    let template = this.templates.get(root);
    if (template === undefined) {
      template = this.createTemplate(root);
      this.templates.set(root, template);
    }
    const name = this.databaseName(++arenaCount);
    // Nobody's first change of a page is to cost the whole page in the log because of somebody else's checkpoint.
    await this.administer('checkpoint');
    await this.administer(`create database ${name} template ${await template}`);
    const topics = topicsFor(this.prefix);
    const addresses = this.addressesOf(name);
    await emptyRedis(addresses.redisUrl);
    const outputsFrom = await readEnds(this.kafka, [topics.slotAssigned, topics.completed, topics.excess]);
    return { addresses, topics, kafka: this.kafka, backlog: this.backlog, outputsFrom };
  }

  /** With what it wrote, or each verification would read all that came before. */
  async remove(arena: Arena): Promise<void> {
    const { slotAssigned, completed, excess } = arena.topics;
    await withAdmin(this.kafka, async (admin) => {
      for (const topic of [slotAssigned, completed, excess]) {
        const ends = await admin.fetchTopicOffsets(topic);
        const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
        await admin.deleteTopicRecords({ topic, partitions });
      }
      await admin.deleteGroups([arena.addresses.consumerGroup]).catch(() => undefined);
    });
    await this.administer(`drop database if exists ${nameOfDatabase(arena.addresses.databaseUrl)} with (force)`);
  }

  async close(): Promise<void> {
    await withAdmin(this.kafka, async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.prefix));
      await admin.deleteTopics({ topics });
    });
    for (const template of this.templates.values()) {
      await this.administer(`drop database if exists ${await template} with (force)`);
    }
  }

  private async createTemplate(root: string): Promise<string> {
    const name = this.databaseName(++arenaCount);
    await this.administer(`create database ${name}`);
    const { databaseUrl } = this.addressesOf(name);
    await migrate(root, databaseUrl);
    if (this.finishedBatches > 0) await addFinishedBatches(databaseUrl, this.finishedBatches);
    await registerBatches(databaseUrl, this.backlog);
    return name;
  }

  private databaseName(number: number): string {
    return `els_bench_${process.pid}_${number}`;
  }

  private addressesOf(database: string): ProductAddresses {
    return {
      databaseUrl: urlOfDatabase(this.stack.databaseUrl, database),
      kafkaBrokers: this.stack.kafkaBrokers,
      redisUrl: this.stack.redisUrl,
      topicPrefix: this.prefix,
      consumerGroup: `${this.prefix}${database}`,
    };
  }

  private async administer(statement: string): Promise<void> {
    await withClient(this.stack.databaseUrl, 'bench', (client) => client.query(statement));
  }
}

export async function readEnds(kafka: Kafka, topics: readonly string[]): Promise<TopicEnds> {
  const ends = new Map<string, number>();
  await withAdmin(kafka, async (admin) => {
    for (const topic of topics) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        ends.set(`${topic}/${partition}`, Number(high));
      }
    }
  });
  return ends;
}

async function configure(
  admin: Admin,
  topics: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const given = Object.entries(settings).map(([name, value]) => ({ name, value }));
  const resources = [...(await ownSettings(admin, topics))].map(([name, own]) => {
    return { type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries: withSettings(own, given) };
  });
  await admin.alterConfigs({ validateOnly: false, resources });
}
