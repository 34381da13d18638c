/**
 * Who comes by a way of his own stays on it: a client of Kafka too, which is told by the broker where to come back to. Cut
 * off, he gets nothing, and his neighbour everything.
 */
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { createTopic, kafkaClient, withAdmin } from '../../../../distributed/cluster/kafka-client.ts';
import { linesCut } from '../../../../distributed/nemesis/network-faults.ts';
import type { Way } from '../../../../distributed/stack/servers/ways.ts';
import { type Stack, startStack } from '../../../../distributed/stack/stack.ts';

jest.setTimeout(120_000);

const ANSWER_MS_MAX = 1_500;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ ways: 2, onProgress: () => undefined });
});
afterAll(() => stack?.stop());

async function within<T>(work: Promise<T>): Promise<T | 'no answer'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'no answer'>((resolve) => {
    timer = setTimeout(() => resolve('no answer'), ANSWER_MS_MAX);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

test('every server answers by both ways, and by neither longer than its line is whole', async () => {
  const [cut, whole] = stack.ways;
  if (cut === undefined || whole === undefined) throw new Error('there are two ways');
  await withAdmin(kafkaClient(stack.kafkaBrokers, 'test'), (admin) => createTopic(admin, { topic: 't' }));
  const clients = await Promise.all([cut, whole].map(clientsOf));
  const ask = () => Promise.all(clients.map(({ ask }) => ask()));
  try {
    expect(await ask()).toEqual([Array(3).fill('answer'), Array(3).fill('answer')]);
    const lines = [cut.postgres, cut.redis, cut.kafka];
    const fault = linesCut({ target: 'one', lines, directions: ['to-server', 'to-client'] });
    expect(await fault.start()).not.toBeNull();
    expect(await ask()).toEqual([Array(3).fill('no answer'), Array(3).fill('answer')]);
    expect(await fault.stop()).not.toBeNull();
    expect(await ask()).toEqual([Array(3).fill('answer'), Array(3).fill('answer')]);
  } finally {
    await Promise.all(clients.map(({ close }) => close()));
  }
});

/** One of each server, by the ports of one way. */
async function clientsOf({ postgres, redis, kafka }: Way) {
  const url = new URL(stack.databaseUrl);
  url.port = `${postgres.port}`;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  const redisClient = new Redis(redis.port, '127.0.0.1');
  const producer = kafkaClient([`127.0.0.1:${kafka.port}`], 'test').producer();
  await producer.connect();
  const send = () => producer.send({ topic: 't', messages: [{ value: 'v' }] });
  const ask = () =>
    Promise.all(
      [() => client.query('select'), () => redisClient.ping(), send].map(async (question) => {
        const answer = await within<unknown>(question());
        return answer === 'no answer' ? answer : 'answer';
      }),
    );
  const close = async () => {
    await Promise.all([client.end(), producer.disconnect()]);
    redisClient.disconnect();
  };
  return { ask, close };
}
