/**
 * The connection to Redis: one server, the master that sentinels name, or a cluster. A server that lost its role is left
 * at once, also while it keeps its connections or hangs. Reconnects for ever.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { parseRedisAddress, type RedisAddress } from '../connection/redis-address.ts';
import { readTls, type TlsFiles } from '../connection/tls-files.ts';
import { backoffMs } from '../timing/backoff.ts';

/** What replies look like stays as it is. */
type ServerOptions = Omit<RedisOptions, 'replyMapping'>;

export const CONNECT_MS_MAX = 1000;
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5000;
/** Between attempts to hear of failovers from a sentinel that went away. */
const SENTINEL_RECONNECT_MS = 1000;
/** What a server says that is no longer a master, or not yet. */
const LOST_ITS_ROLE = /^(READONLY|MASTERDOWN) /;

export interface RedisTarget {
  /** Asked for each new client, so that a password may change. */
  readonly url: () => string;
  readonly tls: TlsFiles;
  /** The hosts are sentinels that watch a master of this name. */
  readonly sentinel?: {
    readonly name: string;
    readonly username: string | null;
    readonly password: () => string | null;
  };
  readonly isCluster: boolean;
}

/** Throws when a certificate cannot be read. */
export function createRedisClient(target: RedisTarget, commandTimeoutMs: number): Redis | Cluster {
  const address = parseRedisAddress(target.url());
  const options = { ...serverOptions(target, address, commandTimeoutMs), lazyConnect: true };
  if (target.isCluster) return createCluster(address, options);
  const retryStrategy = reconnectDelayMs;
  if (target.sentinel === undefined) {
    const [{ host, port } = { host: '', port: 0 }] = address.hosts;
    return new Redis({ ...options, host, port, db: address.database, retryStrategy });
  }
  const { name, username, password } = target.sentinel;
  return new Redis({
    ...options,
    sentinels: [...address.hosts],
    name,
    db: address.database,
    retryStrategy,
    ...(username !== null && { sentinelUsername: username }),
    sentinelPassword: password() ?? '',
    ...(options.tls !== undefined && { enableTLSForSentinelMode: true, sentinelTLS: options.tls }),
    sentinelCommandTimeout: CONNECT_MS_MAX,
    sentinelRetryStrategy: reconnectDelayMs,
    sentinelReconnectStrategy: () => SENTINEL_RECONNECT_MS,
    // A master that hangs keeps its connections: only the sentinels tell that another one took its place.
    failoverDetector: true,
  });
}

/** What a client was made of, to know when it has to be made anew. */
export function ingredientsOf(target: RedisTarget): string {
  const { ca, cert, key } = readTls(target.tls);
  return [target.url(), target.sentinel?.password() ?? '', ca, cert, key].join('\n');
}

function serverOptions(target: RedisTarget, address: RedisAddress, commandTimeoutMs: number): ServerOptions {
  const { user, password, tls } = address;
  return {
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: readTls(target.tls) }),
    connectTimeout: CONNECT_MS_MAX,
    commandTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    // A write that was cut off is not worth sending again, and would be sent without its caller.
    autoResendUnfulfilledCommands: false,
    reconnectOnError: ({ message }) => LOST_ITS_ROLE.test(message),
  };
}

function createCluster({ hosts }: RedisAddress, options: ServerOptions): Cluster {
  return new Cluster([...hosts], {
    redisOptions: options,
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: reconnectDelayMs,
    slotsRefreshTimeout: CONNECT_MS_MAX,
    // Notices a failover of nodes that are seldom asked.
    slotsRefreshInterval: 5000,
    // Certificates are for names, and nodes announce addresses: names are resolved by the connection.
    dnsLookup: (address, callback) => callback(null, address),
    maxRedirections: 3,
    retryDelayOnFailover: RECONNECT_MS_MIN,
    retryDelayOnClusterDown: RECONNECT_MS_MIN,
  });
}

function reconnectDelayMs(times: number): number {
  return backoffMs(times, RECONNECT_MS_MIN, RECONNECT_MS_MAX);
}
