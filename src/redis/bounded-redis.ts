/**
 * A connection for what can go on without Redis. Guarantees: asking never throws and never takes longer than the limit;
 * while the server does not answer it is not waited for at all, but for one try now and then.
 */
import type { Cluster, Redis } from 'ioredis';
import { describeError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { settledWithin } from '../timing/deadline.ts';
import { Breaker } from './breaker.ts';
import { createRedisClient, type RedisTarget } from './redis-client.ts';

const BREAKER = { failuresMax: 2, openMs: 2000 };

export interface BoundedRedisOptions {
  readonly target: RedisTarget;
  readonly answerMsMax: number;
  /** What is done without it, for the log. */
  readonly without: string;
  readonly log: Logger;
}

export class BoundedRedis {
  private readonly options: BoundedRedisOptions;
  private readonly breaker = new Breaker(BREAKER);
  private client: Redis | Cluster | undefined;
  private lastReported = '';

  constructor(options: BoundedRedisOptions) {
    this.options = options;
  }

  /** Connects behind what goes on meanwhile, again and again. */
  open(): void {
    const client = createRedisClient(this.options.target, this.options.answerMsMax);
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

  /** Undefined where the server did not answer, or refused. */
  async ask<T>(command: (client: Redis | Cluster) => Promise<T>): Promise<T | undefined> {
    const { client } = this;
    if (client?.status !== 'ready' || !this.breaker.admits()) return undefined;
    try {
      const asking = command(client);
      if (!(await settledWithin(asking, this.options.answerMsMax))) throw new Error('Command timed out');
      const answer = await asking;
      this.breaker.succeeded();
      return answer;
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
    this.options.log.warn({ error: text, without: this.options.without }, 'redis is in trouble');
  }
}
