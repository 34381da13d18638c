/**
 * Counts requests in Redis: `<prefix>requests:<key>`, expiring with its window. Guarantees: never throws; waits no longer
 * than the command timeout, and while the server does not answer not at all.
 */
import type { Cluster, Redis } from 'ioredis';
import type { SharedCounter, WindowCount } from '../domain/access.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { settledWithin } from '../timing/deadline.ts';
import { Breaker } from './breaker.ts';
import { createRedisClient, type RedisTarget } from './redis-client.ts';

/** A request waits for it, so it is less patient than who has nobody waiting. */
const ANSWER_MS_MAX = 50;
const BREAKER = { failuresMax: 2, openMs: 2000 };
const COUNT = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}`;

export interface RedisRequestCounterOptions {
  readonly target: RedisTarget;
  readonly prefix: string;
  readonly log: Logger;
}

export class RedisRequestCounter implements SharedCounter {
  private readonly options: RedisRequestCounterOptions;
  private readonly breaker = new Breaker(BREAKER);
  private client: Redis | Cluster | undefined;
  private lastReported = '';

  constructor(options: RedisRequestCounterOptions) {
    this.options = options;
  }

  /** Connects behind what goes on meanwhile. */
  open(): void {
    const client = createRedisClient(this.options.target, ANSWER_MS_MAX);
    client.on('error', (error: Error) => this.report(error));
    client.on('ready', () => {
      this.lastReported = '';
    });
    client.connect().catch((error: unknown) => this.report(error));
    this.client = client;
  }

  close(): void {
    this.client?.disconnect();
    this.client = undefined;
  }

  async count(key: string, windowMs: number): Promise<WindowCount | undefined> {
    const { client } = this;
    if (client?.status !== 'ready' || !this.breaker.admits()) return undefined;
    try {
      const counting = client.eval(COUNT, 1, `${this.options.prefix}requests:${key}`, windowMs);
      if (!(await settledWithin(counting, ANSWER_MS_MAX))) throw new Error('Command timed out');
      const [count, endsInMs] = (await counting) as [number, number];
      this.breaker.succeeded();
      return { count, endsInMs };
    } catch (error) {
      this.breaker.failed();
      this.report(error);
      return undefined;
    }
  }

  /** Each kind of trouble once, until the connection is ready again. */
  private report(error: unknown): void {
    const text = describeError(error);
    if (text === this.lastReported) return;
    this.lastReported = text;
    this.options.log.warn({ error: text }, 'redis is in trouble, each gateway counts requests for itself');
  }
}
