import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { createTopic } from '../../../distributed/cluster/kafka-client.ts';
import { createTestDatabase, kafkaBrokers, redisUrlForFile, uniqueTopicPrefix } from './servers.ts';

jest.setTimeout(30_000);

describe('the servers of a test run', () => {
  test('a test file gets a database nobody else uses', async () => {
    const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    const client = new Client({ connectionString: one.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ name: string }>('select current_database() as name');
    await client.end();
    expect(new URL(two.databaseUrl).pathname).not.toBe(`/${rows[0]?.name}`);
    await Promise.all([one.drop(), two.drop()]);
    const gone = new Client({ connectionString: one.databaseUrl });
    await expect(gone.connect()).rejects.toThrow(/does not exist/);
  });

  test('a test file gets an empty Redis database nobody else uses', async () => {
    const [one, two] = [await redisUrlForFile(), await redisUrlForFile()];
    expect(one).not.toBe(two);
    const redis = new Redis(one);
    expect(await redis.dbsize()).toBe(0);
    redis.disconnect();
  });

  test('Kafka has one broker, takes records and does not invent topics', async () => {
    const kafka = new Kafka({ brokers: kafkaBrokers(), logLevel: logLevel.NOTHING, retry: { retries: 1 } });
    const admin = kafka.admin();
    await admin.connect();
    expect((await admin.describeCluster()).brokers).toHaveLength(1);
    const topic = `${uniqueTopicPrefix()}records`;
    await createTopic(admin, { topic, numPartitions: 2 });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ key: 'a', value: 'b' }] });
    await expect(producer.send({ topic: `${topic}-unknown`, messages: [{ value: 'b' }] })).rejects.toThrow();
    await producer.disconnect();
    const offsets = await admin.fetchTopicOffsets(topic);
    expect(offsets.reduce((sum, each) => sum + Number(each.offset), 0)).toBe(1);
    await admin.disconnect();
  });
});
