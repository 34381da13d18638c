/** Publishes the outbox of the peers: up to 100 rows with SKIP LOCKED, one send for all of them, one mark. */
import type { Producer } from 'kafkajs';
import type pg from 'pg';
import type { WireMessage } from '../../../src/contract/message.ts';

const ROWS_MAX = 100;
const IDLE_MS = 25;
const TAKE = `
select id, messages from outbox
where published_at is null and not dead
order by due_at
limit ${ROWS_MAX}
for update skip locked`;
const MARK = 'update outbox set published_at = now() where id = any ($1::bigint[])';

export class Relay {
  private readonly pool: pg.Pool;
  private readonly producer: Producer;
  private wake: () => void = () => undefined;
  private isStopping = false;
  private loop: Promise<void> | null = null;

  constructor(pool: pg.Pool, producer: Producer) {
    this.pool = pool;
    this.producer = producer;
  }

  start(onError: (error: Error) => void): void {
    this.loop = this.run().catch(onError);
  }

  /** Something was committed. */
  ring(): void {
    this.wake();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.wake();
    await this.loop;
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      if ((await this.publish()) === 0) await this.untilRung();
    }
  }

  private async publish(): Promise<number> {
    const client = await this.pool.connect();
    try {
      await client.query('begin');
      const { rows } = await client.query<{ id: string; messages: string }>({ name: 'take-outbox', text: TAKE });
      const messages = rows.flatMap((row) => JSON.parse(row.messages) as WireMessage[]);
      if (messages.length > 0) {
        await this.producer.sendBatch({ acks: -1, topicMessages: byTopic(messages) });
        await client.query({ name: 'mark-outbox', text: MARK, values: [rows.map(({ id }) => id)] });
      }
      await client.query('commit');
      client.release();
      return rows.length;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  private untilRung(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, IDLE_MS);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function byTopic(messages: readonly WireMessage[]) {
  const topics = new Map<string, { key: string; value: string; headers: Record<string, string> }[]>();
  for (const { topic, key, value, headers } of messages) {
    const list = topics.get(topic) ?? [];
    topics.set(topic, list);
    list.push({ key, value, headers: { ...headers } });
  }
  return [...topics].map(([topic, list]) => ({ topic, messages: list }));
}
