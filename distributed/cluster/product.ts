import { runCommand } from '../stack/run-command.ts';

/** The product as its operator uses it: programs and settings, nothing of its inside. */
export const WORKER_PROGRAM = 'src/bin/worker.ts';
const ADMIN_PROGRAM = 'src/bin/admin.ts';

export interface ProductAddresses {
  readonly databaseUrl: string;
  readonly kafkaBrokers: readonly string[];
  readonly redisUrl: string;
  readonly topicPrefix: string;
  readonly consumerGroup: string;
}

const COMMAND_MS_MAX = 60_000;

export function productEnv(addresses: ProductAddresses): Record<string, string> {
  return {
    DATABASE_URL: addresses.databaseUrl,
    KAFKA_BROKERS: addresses.kafkaBrokers.join(','),
    REDIS_URL: addresses.redisUrl,
    TOPIC_PREFIX: addresses.topicPrefix,
    CONSUMER_GROUP: addresses.consumerGroup,
  };
}

/** Applies the migrations and creates the topics, by the product's own commands. */
export async function prepareProduct(
  root: string,
  addresses: ProductAddresses,
  topics: { readonly partitions: number; readonly replicas: number },
): Promise<void> {
  const run = (...args: string[]) =>
    runCommand(process.execPath, ['--import', 'tsx', ADMIN_PROGRAM, ...args], {
      cwd: root,
      env: { ...process.env, ...productEnv(addresses) },
      runMsMax: COMMAND_MS_MAX,
    });
  await run('migrate', 'up');
  const { partitions, replicas } = topics;
  await run('topics', 'ensure', '--partitions', String(partitions), '--replication-factor', String(replicas));
}
