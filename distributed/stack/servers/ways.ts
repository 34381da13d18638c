/**
 * Ways of their own from each of several clients to each server, so that one of them can be cut off while the others are
 * not. Kafka tells its clients where to come back to: it has a listener per client, which advertises that client's way.
 */

import { freePorts } from '../process/free-port.ts';
import type { Server } from '../process/server.ts';
import { type ForwardTarget, TcpProxy } from '../process/tcp-proxy.ts';

export type WayTo = 'postgres' | 'redis' | 'kafka';

/** Of one client: the lines it reaches the servers by. */
export type Way = Readonly<Record<WayTo, TcpProxy>>;

/** Where a listener of Kafka takes connections, and the port that it says it has. */
export interface AdvertisedPort {
  readonly port: number;
  readonly advertisedPort: number;
}

export async function choosePorts(count: number): Promise<readonly AdvertisedPort[]> {
  const ports = await freePorts(2 * count);
  return Array.from({ length: count }, (_, index) => ({
    port: ports[2 * index] ?? 0,
    advertisedPort: ports[2 * index + 1] ?? 0,
  }));
}

export async function openWays(
  servers: { readonly postgres: Server; readonly redis: Server },
  kafka: readonly AdvertisedPort[],
): Promise<readonly Way[]> {
  return Promise.all(
    kafka.map(async ({ port, advertisedPort }) => {
      const [postgresPort = 0, redisPort = 0] = await freePorts(2);
      const [postgres, redis, broker] = await Promise.all([
        opened(postgresPort, servers.postgres),
        opened(redisPort, servers.redis),
        opened(advertisedPort, { host: '127.0.0.1', port }),
      ]);
      return { postgres, redis, kafka: broker };
    }),
  );
}

async function opened(port: number, target: ForwardTarget): Promise<TcpProxy> {
  const proxy = new TcpProxy(port, target);
  await proxy.open();
  return proxy;
}

export async function closeWays(ways: readonly Way[]): Promise<void> {
  await Promise.all(ways.flatMap((way) => Object.values(way).map((proxy: TcpProxy) => proxy.close())));
}
