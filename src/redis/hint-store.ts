/**
 * Hints in Redis: `<prefix>hint:<event id>`, written a moment after commit, expiring. Guarantees: never throws; a read is
 * answered within the command timeout whatever the server does; while the server does not answer, the breaker spares
 * everybody the wait. Replies that refuse (out of memory, no permission, read-only) are counted and do not open the
 * breaker: the other operation may still work.
 */
import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import type { Doorbell, HintStore } from '../domain/ports.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { Alarm } from '../timing/alarm.ts';
import { settledWithin } from '../timing/deadline.ts';
import { Breaker } from './breaker.ts';
import { BATCH_SEPARATOR, doorbellChannel } from './doorbell-listener.ts';
import { CONNECT_MS_MAX, createRedisClient, ingredientsOf, type RedisTarget } from './redis-client.ts';
import { TroubleLog } from './trouble-log.ts';

/** Hints come together for so long, or until they are so many: a command costs more than what is in it. */
const GATHER_MS = 100;
const GATHERED_MAX = 500;
/** Commands under way; what comes above is not remembered. */
const WRITES_IN_FLIGHT_MAX = 4;
/** Beyond it nobody is told: who listens looks every second by itself. */
const RINGS_IN_FLIGHT_MAX = 4;
/** Pings without an answer, one after the other, after which the server counts as gone. */
const MISSED_MAX = 2;
/** One command for all: in a pipeline every key costs the client a command. */
const REMEMBER = `for _, key in ipairs(KEYS) do redis.call('SET', key, '1', 'EX', ARGV[1]) end`;
/** In a cluster, keys that are asked for together must lie together: an event's bucket is the tag of its key. */
const CLUSTER_BUCKETS = 16;
const BREAKER = { failuresMax: 5, openMs: 10_000 };

export interface RedisHintStoreOptions {
  readonly url: string | RedisTarget;
  /** Before every key, so that deployments can share a server. */
  readonly prefix: string;
  readonly ttlSeconds: number;
  readonly commandTimeoutMs: number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

type Operation = 'read' | 'write';

export class RedisHintStore implements HintStore, Doorbell {
  private readonly options: RedisHintStoreOptions;
  private readonly target: RedisTarget;
  private client: Redis | Cluster;
  private ingredients: string;
  private readonly breaker = new Breaker(BREAKER);
  private readonly refused: Record<Operation, boolean> = { read: false, write: false };
  private gathered: string[] = [];
  private readonly alarm = new Alarm(() => this.writeGathered());
  private writesInFlightCount = 0;
  private ringsInFlightCount = 0;
  private missedCount = 0;
  private readonly trouble: TroubleLog;
  private isClosed = false;

  constructor(options: RedisHintStoreOptions) {
    this.options = options;
    const told = 'redis is in trouble, working without hints';
    this.trouble = new TroubleLog((error) => options.log.warn({ error }, told));
    const { url } = options;
    this.target = typeof url === 'string' ? { url: () => url, tls: {}, isCluster: false } : url;
    this.ingredients = ingredientsOf(this.target);
    this.client = this.makeClient();
  }

  /** Waits for the first connection no longer than the connect timeout; Redis may as well come later, or never. */
  async connect(): Promise<void> {
    if (this.client.status !== 'wait') return;
    const connected = this.client.connect().catch((error: unknown) => this.trouble.report(error));
    await settledWithin(connected, CONNECT_MS_MAX);
  }

  close(): void {
    this.isClosed = true;
    this.alarm.clear();
    this.client.disconnect();
  }

  status(): 'up' | 'degraded' {
    const answers = !this.isClosed && this.client.status === 'ready' && this.breaker.isClosed;
    return answers && !this.refused.read && !this.refused.write ? 'up' : 'degraded';
  }

  /**
   * Asks the server, which may be gone without a word: a connection alone proves nothing. One answer that comes too late
   * proves nothing either: this process may have been busy.
   */
  async answers(): Promise<boolean> {
    const refused = this.refused.read;
    const reply = await this.attempt('read', () => this.client.ping());
    // Who may ping may yet not read.
    this.refused.read ||= refused;
    this.missedCount = reply === undefined ? this.missedCount + 1 : 0;
    return this.missedCount < MISSED_MAX && this.status() === 'up';
  }

  async seen(eventIds: readonly string[]): Promise<boolean[]> {
    if (eventIds.length === 0) return [];
    const found = await this.attempt('read', () => this.read(eventIds));
    return eventIds.map((id) => found?.has(id) ?? false);
  }

  remember(eventIds: readonly string[]): void {
    if (eventIds.length === 0 || this.isClosed) return;
    for (const id of eventIds) this.gathered.push(id);
    const nowMs = performance.now();
    if (this.gathered.length >= GATHERED_MAX) this.writeGathered();
    else this.alarm.setTo(nowMs + GATHER_MS, nowMs);
  }

  private writeGathered(): void {
    this.alarm.clear();
    const eventIds = this.gathered.splice(0);
    if (eventIds.length === 0) return;
    if (this.writesInFlightCount >= WRITES_IN_FLIGHT_MAX) {
      this.options.metrics.redisErrors.inc({ operation: 'write' });
      return;
    }
    this.writesInFlightCount += 1;
    void this.attempt('write', () => this.write(eventIds)).finally(() => {
      this.writesInFlightCount -= 1;
    });
  }

  /** Beside the hints: whether it is heard says nothing about them, and may be forbidden where they are not. */
  ring(batchIds: readonly string[]): void {
    const isAway = this.client.status !== 'ready' || !this.breaker.isClosed;
    if (batchIds.length === 0 || isAway || this.ringsInFlightCount >= RINGS_IN_FLIGHT_MAX) return;
    this.ringsInFlightCount += 1;
    void this.client
      .publish(doorbellChannel(this.options.prefix), batchIds.join(BATCH_SEPARATOR))
      .catch((error: unknown) => this.trouble.report(error))
      .finally(() => {
        this.ringsInFlightCount -= 1;
      });
  }

  /** With login and certificates as they are now. */
  private makeClient(): Redis | Cluster {
    const client = createRedisClient(this.target, this.options.commandTimeoutMs);
    // Without a listener ioredis would print every error; with it the client reconnects for ever on its own.
    client.on('error', (error: Error & { lastNodeError?: Error }) => this.trouble.report(error.lastNodeError ?? error));
    client.on('close', () => this.replaceIfOutdated(client));
    client.on('ready', () => {
      this.trouble.ended();
      // The server has answered. Left to the next operation, an idle process would go on saying that it is gone.
      this.breaker.succeeded();
    });
    return client;
  }

  /** A client keeps the login it was made with, so a new one takes its place when that has changed on disk. */
  private replaceIfOutdated(client: Redis | Cluster): void {
    if (this.isClosed || this.client !== client) return;
    try {
      const ingredients = ingredientsOf(this.target);
      if (ingredients === this.ingredients) return;
      this.client = this.makeClient();
      this.ingredients = ingredients;
    } catch (error) {
      this.trouble.report(error);
      return;
    }
    client.disconnect();
    this.client.connect().catch((error: unknown) => this.trouble.report(error));
  }

  private async read(eventIds: readonly string[]): Promise<ReadonlySet<string>> {
    const found = await Promise.all(
      this.together(eventIds).map(async (ids) => {
        const values = await this.client.mget(ids.map((id) => this.keyOf(id)));
        return ids.filter((_, index) => (values[index] ?? null) !== null);
      }),
    );
    return new Set(found.flat());
  }

  private async write(eventIds: readonly string[]): Promise<void> {
    await Promise.all(
      this.together(eventIds).map((ids) => {
        const keys = ids.map((id) => this.keyOf(id));
        return this.client.eval(REMEMBER, keys.length, ...keys, this.options.ttlSeconds);
      }),
    );
  }

  /** Events whose keys can be asked for by one command. */
  private together(eventIds: readonly string[]): string[][] {
    if (!this.target.isCluster) return [[...eventIds]];
    const buckets = new Map<number, string[]>();
    for (const id of eventIds) buckets.set(bucketOf(id), [...(buckets.get(bucketOf(id)) ?? []), id]);
    return [...buckets.values()];
  }

  /** Undefined when the breaker is open or the operation failed; both are counted. */
  private async attempt<T>(operation: Operation, run: () => Promise<T>): Promise<T | undefined> {
    const { metrics } = this.options;
    if (!this.breaker.admits()) {
      metrics.redisErrors.inc({ operation });
      return undefined;
    }
    const startedAtMs = performance.now();
    try {
      const work = run();
      // Redirections and several nodes add up, so the time of all of it together is limited, too.
      if (!(await settledWithin(work, this.options.commandTimeoutMs))) throw new Error('Command timed out');
      const result = await work;
      this.breaker.succeeded();
      this.refused[operation] = false;
      return result;
    } catch (error) {
      metrics.redisErrors.inc({ operation });
      this.refused[operation] = isReply(error);
      if (isReply(error)) this.breaker.succeeded();
      else this.breaker.failed();
      this.trouble.report(error);
      return undefined;
    } finally {
      metrics.redisDuration.observe({ operation }, (performance.now() - startedAtMs) / 1000);
    }
  }

  private keyOf(eventId: string): string {
    const tag = this.target.isCluster ? `{${bucketOf(eventId)}}` : '';
    return `${this.options.prefix}hint:${tag}${eventId}`;
  }
}

/** The server answered, though it refused. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function bucketOf(eventId: string): number {
  return (createHash('sha1').update(eventId).digest()[0] ?? 0) % CLUSTER_BUCKETS;
}
