/** The product as its operator uses it: programs and settings, nothing of its inside. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Topics } from '../../src/contract/topics.ts';
import { runCommand } from '../stack/process/run-command.ts';

const ADMIN_PROGRAM = 'src/bin/admin.ts';
const COMMAND_MS_MAX = 60_000;

export const WORKER_PROGRAM = 'src/bin/worker.ts';

export interface ProductAddresses {
  /** Where the truth is, also after a failover. */
  readonly databaseUrl: string;
  /** What the product is told, where it is to find the writable host itself. */
  readonly databaseHostsUrl?: string;
  readonly kafkaBrokers: readonly string[];
  readonly redisUrl: string;
  /** What the product is told, where sentinels know the master. */
  readonly redisSentinels?: { readonly url: string; readonly name: string };
  readonly topicPrefix: string;
  readonly consumerGroup: string;
}

/** What one part of a run has for itself: its addresses are of a database, topics, a group and a Redis of its own. */
export interface Sandbox {
  readonly addresses: ProductAddresses;
  readonly topics: Topics;
  /** Of the three inbound topics. */
  readonly inbound: readonly string[];
}

const LONGER_THAN_ANY_RUN_MS = 86_400_000;

export function productEnv(addresses: ProductAddresses): Record<string, string> {
  return {
    DATABASE_URL: addresses.databaseHostsUrl ?? addresses.databaseUrl,
    KAFKA_BROKERS: addresses.kafkaBrokers.join(','),
    REDIS_URL: addresses.redisSentinels?.url ?? addresses.redisUrl,
    ...(addresses.redisSentinels && { REDIS_SENTINEL_NAME: addresses.redisSentinels.name }),
    TOPIC_PREFIX: addresses.topicPrefix,
    CONSUMER_GROUP: addresses.consumerGroup,
  };
}

/** Of what is judged afterwards: what was to be published is compared with what was. */
export function judgedEnv(addresses: ProductAddresses): Record<string, string> {
  return { ...productEnv(addresses), OUTBOX_RETENTION_MS: String(LONGER_THAN_ANY_RUN_MS) };
}

/** The same servers by other ports of this machine. */
export function byPorts(
  addresses: ProductAddresses,
  ports: { readonly postgres: number; readonly redis: number; readonly kafka: number },
): ProductAddresses {
  const { databaseHostsUrl: _, redisSentinels: __, ...rest } = addresses;
  return {
    ...rest,
    databaseUrl: withPort(addresses.databaseUrl, ports.postgres),
    redisUrl: withPort(addresses.redisUrl, ports.redis),
    kafkaBrokers: [`127.0.0.1:${ports.kafka}`],
  };
}

function withPort(address: string, port: number): string {
  const url = new URL(address);
  url.port = `${port}`;
  return url.href;
}

/** Applies the migrations and creates the topics, by the product's own commands. */
export async function prepareProduct(root: string, addresses: ProductAddresses, topics: TopicShape): Promise<void> {
  await migrate(root, addresses.databaseUrl);
  await createTopics(root, addresses, topics);
}

export interface TopicShape {
  readonly partitions: number;
  readonly replicas: number;
}

export async function migrate(root: string, databaseUrl: string): Promise<void> {
  await runAdmin(root, { DATABASE_URL: databaseUrl }, ['migrate', 'up']);
}

export async function createTopics(root: string, addresses: ProductAddresses, topics: TopicShape): Promise<void> {
  const shape = ['--partitions', String(topics.partitions), '--replication-factor', String(topics.replicas)];
  await runAdmin(root, productEnv(addresses), ['topics', 'ensure', ...shape]);
}

/** What Node is given to run a program of the sources of a checkout; releases before 0.2 know tsx alone. */
export function runnerOf(root: string): readonly string[] {
  return existsSync(join(root, 'bin', 'run.mjs')) ? ['bin/run.mjs'] : ['--import', 'tsx'];
}

async function runAdmin(root: string, env: Record<string, string>, args: readonly string[]): Promise<void> {
  await runCommand(process.execPath, [...runnerOf(root), ADMIN_PROGRAM, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    runMsMax: COMMAND_MS_MAX,
  });
}
