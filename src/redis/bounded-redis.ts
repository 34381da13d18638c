/**
 * A connection for what can go on without Redis. Guarantees: asking never throws and never takes longer than the limit;
 * while the server does not answer it is not waited for at all, but for one try now and then.
 */
import type { Cluster, Redis } from 'ioredis';
import type { Logger } from '../telemetry/logger.ts';
import { settledWithin } from '../timing/deadline.ts';
import { Breaker } from './breaker.ts';
import { createRedisClient, type RedisTarget } from './redis-client.ts';
import { TroubleLog } from './trouble-log.ts';

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
  private readonly trouble: TroubleLog;

  constructor(options: BoundedRedisOptions) {
    this.options = options;
    const { log, without } = options;
    this.trouble = new TroubleLog((error) => log.warn({ error, without }, 'redis is in trouble'));
  }

  /** Connects behind what goes on meanwhile, again and again. */
  open(): void {
    const client = createRedisClient(this.options.target, this.options.answerMsMax);
    client.on('error', (error: Error) => this.trouble.report(error));
    client.on('ready', () => {
      this.trouble.ended();
    });
    client.connect().catch((error: unknown) => this.trouble.report(error));
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
      this.trouble.report(error);
      return undefined;
    }
  }
}
