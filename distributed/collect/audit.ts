/** Puts the audit into a database whose migrations are applied, before the first worker starts, and takes it out again. */
import { Client } from 'pg';
import { createTriggers, dropTriggers, INSTALL_AUDIT } from './audit-sql.ts';

export async function installAudit(databaseUrl: string): Promise<void> {
  await execute(databaseUrl, `begin;${INSTALL_AUDIT}${createTriggers()}commit;`);
}

/** The triggers go, what they wrote stays. */
export async function removeAudit(databaseUrl: string): Promise<void> {
  await execute(databaseUrl, `begin;${dropTriggers()}commit;`);
}

async function execute(databaseUrl: string, statements: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-audit' });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}
