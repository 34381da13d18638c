/** A database without any table, for whoever tests how the tables get there. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

export async function createEmptyDatabase(): Promise<{ databaseUrl: string; drop(): Promise<void> }> {
  const serverUrl = process.env['ELS_TEST_DATABASE_URL'];
  if (serverUrl === undefined) throw new Error("ELS_TEST_DATABASE_URL is not set: run in jest's integration project");
  const name = `els_empty_${randomBytes(6).toString('hex')}`;
  const administer = async (statement: string): Promise<void> => {
    const client = new Client({ connectionString: serverUrl });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await administer(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { databaseUrl: url.href, drop: () => administer(`drop database if exists ${name} with (force)`) };
}
