import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { Client } from 'pg';
import { freePorts } from '../../../distributed/stack/process/free-port.ts';
import type { Server } from '../../../distributed/stack/process/server.ts';
import { STACK_VARIABLES } from '../../../distributed/stack/servers/external.ts';
import { type Stack, stackSource, startStack } from '../../../distributed/stack/stack.ts';
import { waitFor } from '../../support/wait-for.ts';

jest.setTimeout(90_000);

const silent = () => {};
// What processes of a server do to one another is seen only where they are ours.
const testLocal = stackSource() === 'local' ? test : test.skip;
const named = Object.values(STACK_VARIABLES);
const before = new Map(named.map((name) => [name, process.env[name]]));

function clearNamedServers(): void {
  for (const name of named) delete process.env[name];
}

afterAll(() => {
  clearNamedServers();
  for (const [name, value] of before) if (value !== undefined) process.env[name] = value;
});

describe('servers that the environment names', () => {
  beforeEach(clearNamedServers);
  afterEach(clearNamedServers);

  test('replace local ones, each for itself', async () => {
    process.env['DATABASE_URL'] = process.env['ELS_TEST_DATABASE_URL'];
    process.env['KAFKA_BROKERS'] = process.env['ELS_TEST_KAFKA_BROKERS'];
    const stack = await startStack({ onProgress: silent });
    expect(stack.databaseUrl).toBe(process.env['ELS_TEST_DATABASE_URL']);
    expect(stack.kafkaBrokers.join(',')).toBe(process.env['ELS_TEST_KAFKA_BROKERS']);
    expect(stack.redisUrl).not.toBe(process.env['ELS_TEST_REDIS_URL']);
    expect(stack.servers.map((server) => server.name)).toEqual(['redis']);
    expect(stack.description).toMatchObject({ postgres: 'external', kafka: 'external' });
    await stack.stop();
  });

  test('fail the start in one line when they do not answer, and nothing is left', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'els-external-'));
    const [port] = await freePorts(1);
    process.env['REDIS_URL'] = `redis://127.0.0.1:${port}`;
    process.env['KAFKA_BROKERS'] = process.env['ELS_TEST_KAFKA_BROKERS'];
    await expect(startStack({ onProgress: silent, dataDir })).rejects.toThrow(
      new RegExp(`^REDIS_URL names 127.0.0.1:${port}, where nothing answers`),
    );
    expect(readdirSync(dataDir)).toEqual([]);
    rmSync(dataDir, { recursive: true });
  });
});

testLocal('a temporary folder that only its owner may enter is no hindrance', async () => {
  const closed = mkdtempSync(join(tmpdir(), 'els-closed-'));
  const temporary = process.env['TMPDIR'];
  process.env['TMPDIR'] = closed;
  try {
    const stack = await startStack({ onlyNeeded: ['postgres'], onProgress: silent });
    await stack.stop();
    expect(stack.databaseUrl).not.toBe('');
  } finally {
    if (temporary === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = temporary;
    rmSync(closed, { recursive: true });
  }
});

describe('a running stack', () => {
  let stack: Stack;
  const said: string[] = [];

  beforeAll(async () => {
    clearNamedServers();
    stack = await startStack({ onProgress: (line) => said.push(line) });
  });

  afterAll(() => stack.stop());

  const server = (name: string): Server => {
    const found = stack.servers.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no server ${name}`);
    return found;
  };

  async function killAndStart(name: string): Promise<void> {
    const { identity } = server(name);
    expect(identity).toBeDefined();
    await server(name).kill('SIGKILL');
    expect(server(name).identity).toBeUndefined();
    await server(name).start();
    expect(server(name).identity).toBeDefined();
    expect(server(name).identity).not.toEqual(identity);
  }

  test('says what it starts and what it is made of', () => {
    expect(said[0]).toBe('starting postgres, redis, kafka');
    expect(stack.description.postgres).toMatch(/^PostgreSQL \d+\.\d+ \(.+\)$/);
    expect(stack.description.redis).toMatch(/^(Redis|Valkey) \d+\.\d+\.\d+ \(.+\)$/);
    expect(stack.description.kafka).toMatch(/^Apache Kafka \d+\.\d+\.\d+ \(.+, 1 node\)$/);
  });

  test('has a PostgreSQL that loses nothing committed when it is killed', async () => {
    await withPostgres(async (client) => {
      const { rows } = await client.query('show track_commit_timestamp');
      expect(rows).toEqual([{ track_commit_timestamp: 'on' }]);
      await client.query('create table kept (value int)');
      await client.query('insert into kept values (7)');
    });
    await killAndStart('postgres');
    await withPostgres(async (client) => {
      expect((await client.query('select value from kept')).rows).toEqual([{ value: 7 }]);
    });
  });

  testLocal('has a PostgreSQL that starts again although a process of the killed one still lives', async () => {
    const client = new Client({ connectionString: stack.databaseUrl });
    client.on('error', silent);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const pid = rows[0]?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    await server('postgres').kill('SIGKILL');
    const starting = server('postgres').start();
    const refused = () => /pre-existing shared memory block/.test(readFileSync(server('postgres').logFile, 'utf8'));
    await waitFor(refused, { deadlineMs: 20_000, what: 'the new server meets the old process' });
    process.kill(pid, 'SIGCONT');
    await starting;
    await client.end();
    await withPostgres(async (fresh) => expect((await fresh.query('select 1 as one')).rows).toEqual([{ one: 1 }]));
  });

  test('has a Kafka that keeps its records when it is killed, and when it is stopped', async () => {
    await withKafka(async (admin, producer) => {
      await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }], waitForLeaders: true });
      await producer.send({ topic: 'kept', acks: -1, messages: [{ value: 'one' }] });
    });
    await killAndStart('kafka');
    await withKafka(async (_, producer) => {
      await producer.send({ topic: 'kept', acks: -1, messages: [{ value: 'two' }] });
    });
    await server('kafka').stop();
    await server('kafka').start();
    await withKafka(async (admin) => {
      expect(await admin.fetchTopicOffsets('kept')).toMatchObject([{ high: '2' }]);
    });
  });

  test('has a Redis that is empty after it was killed', async () => {
    const redis = new Redis(stack.redisUrl, { maxRetriesPerRequest: null });
    redis.on('error', silent);
    await redis.set('hint', '1');
    await killAndStart('redis');
    expect(await redis.get('hint')).toBeNull();
    redis.disconnect();
  });

  test('is gone after a stop, which may be called twice', async () => {
    const pids = stack.servers.flatMap(({ pid }) => pid ?? []);
    if (stackSource() === 'local') expect(pids).toHaveLength(3);
    await Promise.all([stack.stop(), stack.stop()]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    await expect(withPostgres(async () => {})).rejects.toThrow(/ECONNREFUSED/);
    expect(existsSync(stack.dataDir)).toBe(false);
  });

  /** A client of its own: kafkajs takes seconds to notice that its broker was killed. */
  async function withKafka(work: (admin: Admin, producer: Producer) => Promise<void>): Promise<void> {
    const kafka = new Kafka({ brokers: [...stack.kafkaBrokers], logLevel: logLevel.NOTHING });
    const [admin, producer] = [kafka.admin(), kafka.producer()];
    await Promise.all([admin.connect(), producer.connect()]);
    try {
      await work(admin, producer);
    } finally {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    }
  }

  async function withPostgres(work: (client: Client) => Promise<void>): Promise<void> {
    const client = new Client({ connectionString: stack.databaseUrl });
    await client.connect();
    await work(client).finally(() => client.end());
  }
});
