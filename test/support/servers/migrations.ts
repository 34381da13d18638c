/** Brings a database to the schema of `migrations/`, by the product's own command: workers started by tests check it. */
import { migrateUp } from '../../../src/postgres/migrate.ts';

export async function migrateDatabase(databaseUrl: string): Promise<void> {
  await migrateUp(databaseUrl);
}
