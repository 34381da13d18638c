/**
 * What a test file gets of the run's servers: a database of its own with the schema, a topic prefix of its own, an
 * emptied Redis database of its own. Files never see each other.
 */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { waitFor } from '../wait-for.ts';

export async function createTestDatabase(): Promise<{ databaseUrl: string; drop(): Promise<void> }> {
  const name = `els_test_${randomBytes(6).toString('hex')}`;
  await administer(`create database ${name} template ${setting('ELS_TEST_TEMPLATE_DATABASE')}`);
  const url = new URL(setting('ELS_TEST_DATABASE_URL'));
  url.pathname = `/${name}`;
  return { databaseUrl: url.href, drop: () => dropDatabase(name) };
}

/** Sessions that are just being closed get the time for it: one that is ended by force reports an error to nobody. */
async function dropDatabase(name: string): Promise<void> {
  const isUnused = async () => {
    const [row] = await administer(`select count(*)::int as sessions from pg_stat_activity where datname = '${name}'`);
    return row?.['sessions'] === 0;
  };
  await waitFor(isUnused, { deadlineMs: LEAVING_MS_MAX, what: 'no sessions' }).catch(() => undefined);
  await administer(`drop database if exists ${name} with (force)`);
}

const LEAVING_MS_MAX = 3000;

/** For the topics of one test; ends with a dot. */
export function uniqueTopicPrefix(): string {
  return `t${randomBytes(5).toString('hex')}.`;
}

export function kafkaBrokers(): string[] {
  return setting('ELS_TEST_KAFKA_BROKERS').split(',');
}

/** Database 0 counts who got which of the others; two files at once never get the same. */
export async function redisUrlForFile(): Promise<string> {
  const url = new URL(setting('ELS_TEST_REDIS_URL'));
  const redis = new Redis(url.href);
  try {
    const databases = Number(((await redis.config('GET', 'databases')) as string[])[1] ?? 16);
    const turn = await redis.incr('els:test:databases-given');
    const database = 1 + (turn % (databases - 1));
    await redis.select(database);
    await redis.flushdb();
    url.pathname = `/${database}`;
    return url.href;
  } finally {
    redis.disconnect();
  }
}

async function administer(statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: setting('ELS_TEST_DATABASE_URL') });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run this file in jest's integration project`);
  return value;
}
