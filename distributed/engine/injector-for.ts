/** From a scheduled fault to the injector that does it, on the servers and workers of a part. */
import type { Injector } from '../nemesis/injector.ts';
import { NETWORK_FAULTS, type NetworkFault, networkInjector } from '../nemesis/network-faults.ts';
import { REDIS_FAULTS, type RedisFault, redisInjector } from '../nemesis/redis-faults.ts';
import type { ScheduledFault } from '../nemesis/schedule.ts';
import { SERVER_FAULTS, type ServerFault, serverInjector } from '../nemesis/server-faults.ts';
import { WORKER_FAULTS, type WorkerFault, workerInjector } from '../nemesis/worker-faults.ts';
import type { StageDeps } from './stage-deps.ts';

export type FaultKind = WorkerFault | RedisFault | ServerFault | NetworkFault;

export interface Injectable {
  readonly deps: Pick<StageDeps, 'stack' | 'sandbox' | 'cluster'>;
  readonly ledger: { futureEventIds(max: number): readonly string[] };
}

export function injectorFor({ kind, target }: ScheduledFault, { deps, ledger }: Injectable): Injector {
  const { stack, sandbox, cluster } = deps;
  const server = (name: string) => stack.servers.filter((each) => each.name.startsWith(name));
  if (isOneOf(WORKER_FAULTS, kind)) {
    const worker = cluster.workers[target % cluster.workers.length];
    if (worker === undefined) throw new Error('there is no worker to break');
    return workerInjector(kind, worker);
  }
  if (isOneOf(REDIS_FAULTS, kind)) {
    return redisInjector(kind, {
      url: sandbox.addresses.redisUrl,
      server: server('redis')[0],
      hintPrefix: `els:${sandbox.addresses.topicPrefix}`,
      futureEventIds: (max) => ledger.futureEventIds(max),
    });
  }
  if (isOneOf(SERVER_FAULTS, kind)) {
    const { databaseUrl } = sandbox.addresses;
    return serverInjector(kind, { databaseUrl, postgres: server('postgres')[0], kafka: server('kafka') }, target);
  }
  if (isOneOf(NETWORK_FAULTS, kind)) {
    const index = target % Math.max(1, stack.ways.length);
    const way = stack.ways[index];
    const worker = cluster.workers[index];
    if (way === undefined || worker === undefined) throw new Error('there is no line to break');
    return networkInjector(kind, (to) => way[to], worker.name);
  }
  throw new Error(`unknown fault ${kind}`);
}

function isOneOf<T extends string>(kinds: readonly T[], kind: string): kind is T {
  return (kinds as readonly string[]).includes(kind);
}
