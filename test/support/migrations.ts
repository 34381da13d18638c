/** Brings a database to the schema of `migrations/`. The one place to change how tests do that. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

export async function migrateDatabase(databaseUrl: string): Promise<void> {
  const folder = join(process.cwd(), 'migrations');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.sql')) : [];
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (const file of files.sort()) await client.query(readFileSync(join(folder, file), 'utf8'));
  } finally {
    await client.end();
  }
}
