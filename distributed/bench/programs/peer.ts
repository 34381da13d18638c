/** What all peers share: Kafka at both ends, the transaction for each event, the relay, and an orderly end. */
import { type Consumer, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { topicsFor } from '../../../src/contract/topics.ts';
import { PerEventStore } from './per-event-store.ts';
import { Relay } from './relay.ts';

/** As many transactions at a time as pay on a server with a few cores; a peer has one connection more for its relay. */
const TRANSACTIONS = 16;

export interface Peer {
  readonly store: PerEventStore;
  readonly consumer: Consumer;
  readonly contentTopic: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Transactions at a time in this process. */
  readonly concurrency: number;
}

/** Opens both ends, lets `begin` take up the work, and closes all when told to end, what `begin` returned first. */
export async function runPeer(begin: (peer: Peer) => Promise<() => Promise<unknown>>): Promise<void> {
  const workers = Number(setting('BENCH_WORKERS'));
  const concurrency = workers === 1 ? TRANSACTIONS : TRANSACTIONS / 2;
  const [databaseUrl, topicPrefix] = [setting('DATABASE_URL'), setting('TOPIC_PREFIX')];
  const kafka = new Kafka({ clientId: 'peer', brokers: setting('KAFKA_BROKERS').split(','), logLevel: logLevel.ERROR });
  const producer: Producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const consumer = kafka.consumer({ groupId: setting('CONSUMER_GROUP'), maxWaitTimeInMs: 200 });
  let relay: Relay | null = null;
  const store = new PerEventStore({
    databaseUrl,
    topicPrefix,
    poolMax: concurrency + 1,
    onCommit: () => relay?.ring(),
  });
  relay = new Relay(store.pool, producer);
  await Promise.all([producer.connect(), consumer.connect()]);
  relay.start(fail);
  const contentTopic = topicsFor(topicPrefix).content;
  await consumer.subscribe({ topics: [contentTopic], fromBeginning: true });
  const redisUrl = setting('REDIS_URL');
  const end = await begin({ store, consumer, contentTopic, databaseUrl, redisUrl, concurrency });
  process.once('SIGTERM', () => {
    const close = async () => {
      await consumer.disconnect();
      await end();
      await relay.stop();
      await Promise.all([producer.disconnect(), store.pool.end()]);
      process.exit();
    };
    close().catch(fail);
  });
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: peers are started by the bench`);
  return value;
}

function fail(error: Error): never {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  process.exit(1);
}
