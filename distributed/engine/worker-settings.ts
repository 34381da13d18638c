/** What the workers of a part are told: where their servers are, and what the harness needs of them as evidence. */
import { byPorts, judgedEnv, type ProductAddresses, type Sandbox } from '../cluster/product.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { Stack } from '../stack/stack.ts';
import { SESSION_MS } from './limits.ts';
import type { PartPlan } from './part-plan.ts';

/** What the clock of a worker follows, where it has one of its own. */
export function clockFile(directory: RunDirectory, worker: string): string {
  return directory.file('logs', `${worker}.clock`);
}

/** By its own way, where the part has one for each worker. */
export function addressesOf({ ways }: Stack, { addresses }: Sandbox, index: number): ProductAddresses {
  const way = ways[index];
  if (way === undefined) return addresses;
  const { postgres, redis, kafka } = way;
  return byPorts(addresses, { postgres: postgres.port, redis: redis.port, kafka: kafka.port });
}

export function workerEnv(addresses: ProductAddresses, plan: PartPlan): Record<string, string> {
  return {
    ...judgedEnv(addresses),
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'info',
    KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
    ...plan.env,
  };
}
