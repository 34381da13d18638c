/** Databases of one's own, of PostgreSQL and Redis, on servers that others share. */
import { Redis } from 'ioredis';
import { Client } from 'pg';

/** A connection for as long as the work takes; `who` is its application_name. */
export async function withClient<T>(
  databaseUrl: string,
  who: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString: databaseUrl, application_name: who });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Another database of the same server. */
export function urlOfDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

export function nameOfDatabase(databaseUrl: string): string {
  return new URL(databaseUrl).pathname.slice(1);
}

export async function emptyRedis(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  try {
    await redis.flushdb();
  } finally {
    redis.disconnect();
  }
}
