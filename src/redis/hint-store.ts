/**
 * Hints in Redis: `<prefix>hint:<event id>`, written after commit, expiring. Guarantees: never throws; a read is
 * answered within the command timeout whatever the server does; while the server does not answer, the breaker spares
 * everybody the wait. Replies that refuse (out of memory, no permission, read-only) are counted and do not open the
 * breaker: the other operation may still work.
 */
import { Redis } from 'ioredis';
import type { HintStore } from '../domain/ports.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { backoffMs } from '../timing/backoff.ts';
import { settledWithin } from '../timing/deadline.ts';
import { Breaker } from './breaker.ts';

const CONNECT_MS_MAX = 1000;
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5000;
/** Pipelines under way; what comes above is not remembered. */
const WRITES_IN_FLIGHT_MAX = 4;
/** Pings without an answer, one after the other, after which the server counts as gone. */
const MISSED_MAX = 2;
const BREAKER = { failuresMax: 5, openMs: 10_000 };

export interface RedisHintStoreOptions {
  readonly url: string;
  /** Before every key, so that deployments can share a server. */
  readonly prefix: string;
  readonly ttlSeconds: number;
  readonly commandTimeoutMs: number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

type Operation = 'read' | 'write';

export class RedisHintStore implements HintStore {
  private readonly options: RedisHintStoreOptions;
  private readonly client: Redis;
  private readonly breaker = new Breaker(BREAKER);
  private readonly refused: Record<Operation, boolean> = { read: false, write: false };
  private writesInFlightCount = 0;
  private missedCount = 0;
  private lastReported = '';
  private isClosed = false;

  constructor(options: RedisHintStoreOptions) {
    this.options = options;
    this.client = new Redis(options.url, {
      lazyConnect: true,
      connectTimeout: CONNECT_MS_MAX,
      commandTimeout: options.commandTimeoutMs,
      maxRetriesPerRequest: 1,
      enableOfflineQueue: false,
      // A write that was cut off is not worth sending again, and would be sent without its caller.
      autoResendUnfulfilledCommands: false,
      retryStrategy: (times) => backoffMs(times, RECONNECT_MS_MIN, RECONNECT_MS_MAX),
    });
    // Without a listener ioredis would print every error; with it the client reconnects for ever on its own.
    this.client.on('error', (error) => this.report(error));
    this.client.on('ready', () => {
      this.lastReported = '';
      // The server has answered. Left to the next operation, an idle process would go on saying that it is gone.
      this.breaker.succeeded();
    });
  }

  /** Waits for the first connection no longer than the connect timeout; Redis may as well come later, or never. */
  async connect(): Promise<void> {
    if (this.client.status !== 'wait') return;
    const connected = this.client.connect().catch((error: unknown) => this.report(error));
    await settledWithin(connected, CONNECT_MS_MAX);
  }

  close(): void {
    this.isClosed = true;
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
    const values = await this.attempt('read', () => this.client.mget(eventIds.map((id) => this.keyOf(id))));
    return eventIds.map((_, index) => (values?.[index] ?? null) !== null);
  }

  remember(eventIds: readonly string[]): void {
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

  private async write(eventIds: readonly string[]): Promise<void> {
    const pipeline = this.client.pipeline();
    for (const id of eventIds) pipeline.set(this.keyOf(id), '1', 'EX', this.options.ttlSeconds);
    const replies = await pipeline.exec();
    const error = replies?.find(([refusal]) => refusal !== null)?.[0];
    if (error) throw error;
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
      const result = await run();
      this.breaker.succeeded();
      this.refused[operation] = false;
      return result;
    } catch (error) {
      metrics.redisErrors.inc({ operation });
      this.refused[operation] = isReply(error);
      if (isReply(error)) this.breaker.succeeded();
      else this.breaker.failed();
      this.report(error);
      return undefined;
    } finally {
      metrics.redisDuration.observe({ operation }, (performance.now() - startedAtMs) / 1000);
    }
  }

  private keyOf(eventId: string): string {
    return `${this.options.prefix}hint:${eventId}`;
  }

  /** Each kind of trouble once, until the connection is ready again: reconnecting for ever must not fill the log. */
  private report(error: unknown): void {
    const text = describeError(error);
    if (text === this.lastReported) return;
    this.lastReported = text;
    this.options.log.warn({ error: text }, 'redis is in trouble, working without hints');
  }
}

/** The server answered, though it refused. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}
