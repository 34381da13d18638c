/**
 * Where one part works: a database, topics, a consumer group and a Redis database of its own on servers that all parts
 * share, so that no part sees another's traces. Only what was made here is removed.
 */
import { randomBytes } from 'node:crypto';
import kafkajs, { type Kafka } from 'kafkajs';
import { deadLetterTopic, topicsFor } from '../../src/contract/topics.ts';
import { emptyRedis, nameOfDatabase, urlOfDatabase, withClient } from '../cluster/databases.ts';
import { kafkaClient, withAdmin } from '../cluster/kafka-client.ts';
import { createTopics, migrate, type ProductAddresses, type Sandbox } from '../cluster/product.ts';
import { installAudit } from '../collect/audit.ts';
import { REDIS_DATABASES } from '../stack/servers/redis.ts';
import type { Stack } from '../stack/stack.ts';

/** What a dead letter has beyond its record: headers of its own. */
const LETTER_BYTES = 100_000;

export interface SandboxOptions {
  readonly partitions: number;
  readonly replicas: number;
  readonly audit: boolean;
}

export class Sandboxes {
  private readonly stack: Stack;
  private readonly root: string;
  private readonly suffix = randomBytes(4).toString('hex');
  private readonly databases: string[] = [];
  private template: Promise<string> | null = null;
  private count = 0;

  constructor(stack: Stack, root: string) {
    this.stack = stack;
    this.root = root;
  }

  async create(options: SandboxOptions): Promise<Sandbox> {
    const number = ++this.count;
    const prefix = `r${this.suffix}-${number}.`;
    const database = `els_run_${this.suffix}_${number}`;
    const addresses: ProductAddresses = {
      databaseUrl: this.databaseUrl(database),
      ...this.databaseHosts(database),
      kafkaBrokers: this.stack.kafkaBrokers,
      redisUrl: this.redisUrl(number),
      ...this.redisSentinels(number),
      topicPrefix: prefix,
      consumerGroup: `${prefix}workers`,
    };
    const topics = topicsFor(prefix);
    const sandbox = { addresses, topics, inbound: [topics.registration, topics.content, topics.failure] };
    // Waits for all of them: what is still being made could not be removed.
    const made = await Promise.allSettled([
      createTopics(this.root, addresses, options),
      this.createDatabase(database, addresses.databaseUrl, options.audit),
      this.emptyRedis(addresses.redisUrl),
    ]);
    const failed = made.find((each) => each.status === 'rejected');
    if (failed === undefined) return sandbox;
    await this.remove(sandbox).catch(() => undefined);
    throw failed.reason;
  }

  /** A part's topics go when it is judged: a broker has room for only so many. */
  async remove(sandbox: Sandbox): Promise<void> {
    await withAdmin(kafkaClient(this.stack.kafkaBrokers, 'harness'), async (admin) => {
      const all = await admin.listTopics();
      const ours = all.filter((topic) => topic.startsWith(sandbox.addresses.topicPrefix));
      await admin.deleteTopics({ topics: ours });
    });
    await this.administer(`drop database if exists ${nameOfDatabase(sandbox.addresses.databaseUrl)} with (force)`);
  }

  /** Databases that are left, for servers that outlive us. */
  async close(): Promise<void> {
    if (this.stack.description.postgres !== 'external') return;
    for (const database of this.databases) {
      await this.administer(`drop database if exists ${database} with (force)`);
    }
  }

  private async createDatabase(name: string, url: string, audit: boolean): Promise<void> {
    this.template ??= this.createTemplate();
    const template = await this.template;
    this.databases.push(name);
    await this.administer(`create database ${name} template ${template}`);
    if (audit) await installAudit(url);
  }

  private async createTemplate(): Promise<string> {
    const name = `els_run_${this.suffix}_template`;
    this.databases.push(name);
    await this.administer(`create database ${name}`);
    await migrate(this.root, this.databaseUrl(name));
    return name;
  }

  private databaseUrl(name: string): string {
    return urlOfDatabase(this.stack.databaseUrl, name);
  }

  private databaseHosts(name: string): Pick<ProductAddresses, 'databaseHostsUrl'> {
    const { standby } = this.stack;
    return standby === undefined ? {} : { databaseHostsUrl: `postgresql://postgres@${standby.hosts}/${name}` };
  }

  /** A foreign Redis is used as it is given: its other databases may be somebody else's. */
  private redisUrl(number: number): string {
    if (this.stack.description.redis === 'external') return this.stack.redisUrl;
    return urlOfDatabase(this.stack.redisUrl, String(1 + (number % (REDIS_DATABASES - 1))));
  }

  private redisSentinels(number: number): Pick<ProductAddresses, 'redisSentinels'> {
    const { watchedRedis } = this.stack;
    if (watchedRedis === undefined) return {};
    const { pathname } = new URL(this.redisUrl(number));
    return { redisSentinels: { url: `redis://${watchedRedis.hosts}${pathname}`, name: watchedRedis.name } };
  }

  private async emptyRedis(redisUrl: string): Promise<void> {
    if (this.stack.description.redis !== 'external') await emptyRedis(redisUrl);
  }

  private async administer(statement: string): Promise<void> {
    await withClient(this.stack.databaseUrl, 'harness', (client) => client.query(statement));
  }
}

/**
 * Raises the largest message of all topics of a sandbox; in dead-letter topics there is room for the reason as well.
 */
export async function allowLargeMessages(kafka: Kafka, sandbox: Sandbox, bytesMax: number): Promise<void> {
  const letters = new Set(sandbox.inbound.map(deadLetterTopic));
  const sizeOf = (topic: string) => (letters.has(topic) ? bytesMax + LETTER_BYTES : bytesMax);
  await withAdmin(kafka, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(sandbox.addresses.topicPrefix));
    await admin.alterConfigs({
      validateOnly: false,
      resources: topics.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configEntries: [{ name: 'max.message.bytes', value: String(sizeOf(name)) }],
      })),
    });
  });
}
