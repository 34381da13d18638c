/**
 * Redis that fails over: a master, its replica, and three sentinels that watch them. Clients that know sentinels are told
 * where the master is; all others go by a port of this process.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { FailingOverRedis } from '../process/context.ts';
import type { Server } from '../process/server.ts';
import { StackError } from '../process/stack-error.ts';
import { TcpProxy } from '../process/tcp-proxy.ts';
import { until, type Wait } from '../process/until.ts';

const MASTER_NAME = 'els';
/** Of sentinels that must agree. */
const QUORUM = 2;
/** Without an answer a server counts as down; short, so that parts see a failover. */
const DOWN_AFTER_MS = 1_000;
const FAILOVER_MS_MAX = 6_000;
const COMMAND_MS_MAX = 1_000;
const WAIT: Wait = { limitMs: 30_000, intervalMs: 50 };

export interface RedisServers {
  readonly master: Server;
  readonly replica: Server;
  readonly sentinels: readonly Server[];
}

/** The file a sentinel is started with, and keeps its state in. */
export async function writeSentinelSettings(
  folder: string,
  { port, masterPort }: { readonly port: number; readonly masterPort: number },
): Promise<string> {
  const path = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER_NAME} ${FAILOVER_MS_MAX}`,
  ];
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

export class WatchedRedis implements FailingOverRedis {
  readonly name = MASTER_NAME;
  private readonly servers: RedisServers;
  private readonly forward: TcpProxy;
  private current: Server;

  /** Resolves when the sentinels know each other and the replica: earlier there would be no failover. */
  static async open(servers: RedisServers, port: number): Promise<WatchedRedis> {
    const forward = new TcpProxy(port, servers.master);
    await forward.open();
    const watched = new WatchedRedis(servers, forward);
    const knows = new RegExp(`slaves=1,sentinels=${servers.sentinels.length}`);
    await until(
      async () => {
        const facts = await Promise.all(servers.sentinels.map((sentinel) => ask(sentinel, 'info', 'sentinel')));
        return facts.every((text) => knows.test(`${text}`));
      },
      new StackError('sentinels do not find each other'),
      WAIT,
    );
    return watched;
  }

  private constructor(servers: RedisServers, forward: TcpProxy) {
    this.servers = servers;
    this.forward = forward;
    this.current = servers.master;
  }

  get hosts(): string {
    return this.servers.sentinels.map(({ host, port }) => `${host}:${port}`).join(',');
  }

  get master(): Server {
    return this.current;
  }

  get isFailedOver(): boolean {
    return this.current !== this.servers.master;
  }

  /** Most sentinels must name it, or some clients would still be sent to the former. */
  async untilFailedOver(): Promise<void> {
    const { replica, sentinels } = this.servers;
    await until(
      async () => {
        const asked = sentinels.map((sentinel) => ask(sentinel, 'sentinel', 'get-master-addr-by-name', MASTER_NAME));
        const named = (await Promise.all(asked)).filter((answer) => `${answer}`.endsWith(`,${replica.port}`));
        return named.length >= QUORUM && /role:master/.test(`${await ask(replica, 'info', 'replication')}`);
      },
      new StackError('the replica does not become the master'),
      WAIT,
    );
    this.current = replica;
    this.forward.turnTo(replica);
  }

  close(): Promise<void> {
    return this.forward.close();
  }
}

/** Null: no answer. */
async function ask({ host, port }: Server, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis({
    host,
    port,
    lazyConnect: true,
    connectTimeout: COMMAND_MS_MAX,
    commandTimeout: COMMAND_MS_MAX,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.call(command, ...args);
  } catch {
    return null;
  } finally {
    client.disconnect();
  }
}
