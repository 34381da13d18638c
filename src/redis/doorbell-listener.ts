/**
 * Hears of changed batches by Redis' publish and subscribe, on a connection of its own, which it makes again for ever. A
 * server that is gone without a word is noticed by a ping. What was rung while it was deaf is lost, so it says when it
 * hears again.
 */
import type { Cluster, Redis } from 'ioredis';
import type { DoorbellListener } from '../domain/ports.ts';
import type { Logger } from '../telemetry/logger.ts';
import { settledWithin } from '../timing/deadline.ts';
import { Repeating } from '../timing/repeating.ts';
import { createRedisClient, type RedisTarget } from './redis-client.ts';
import { TroubleLog } from './trouble-log.ts';

/** No id contains it. */
export const BATCH_SEPARATOR = '\n';
const PING_MS = 2000;
const ANSWER_MS_MAX = 2000;

export function doorbellChannel(prefix: string): string {
  return `${prefix}changed`;
}

export interface RedisDoorbellListenerOptions {
  readonly target: RedisTarget;
  readonly prefix: string;
  readonly log: Logger;
}

export class RedisDoorbellListener implements DoorbellListener {
  private readonly options: RedisDoorbellListenerOptions;
  private client: Redis | Cluster | undefined;
  private readonly trouble: TroubleLog;
  private readonly pinging: Repeating;

  constructor(options: RedisDoorbellListenerOptions) {
    this.options = options;
    const told = 'redis is in trouble, live progress looks every second';
    this.trouble = new TroubleLog((error) => options.log.warn({ error }, told));
    this.pinging = new Repeating(
      () => this.ping(),
      PING_MS,
      (error) => this.trouble.report(error),
    );
  }

  listen(listener: Parameters<DoorbellListener['listen']>[0]): void {
    const channel = doorbellChannel(this.options.prefix);
    const client = createRedisClient(this.options.target, ANSWER_MS_MAX);
    this.client = client;
    client.on('error', (error: Error) => this.trouble.report(error));
    client.on('message', (_channel: string, text: string) => listener.onRing(text.split(BATCH_SEPARATOR)));
    client.on('ready', () => {
      client.subscribe(channel).then(
        () => {
          this.trouble.ended();
          listener.onHearing();
        },
        (error: unknown) => this.trouble.report(error),
      );
    });
    client.connect().catch((error: unknown) => this.trouble.report(error));
    this.pinging.start();
  }

  close(): void {
    void this.pinging.stop();
    this.client?.disconnect();
    this.client = undefined;
  }

  private async ping(): Promise<void> {
    const { client } = this;
    if (client === undefined || client.status !== 'ready') return;
    const answered = client.ping().then(
      () => true,
      () => false,
    );
    const isAnswered = (await settledWithin(answered, ANSWER_MS_MAX)) && (await answered);
    if (!isAnswered && this.client === client) client.disconnect(true);
  }
}
