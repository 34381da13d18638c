/**
 * One stack for a whole test run: servers, and a template database with the schema that every test file's database is
 * copied from. Test files learn the addresses from the environment.
 */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { type Stack, startStack } from '../../../distributed/stack/stack.ts';
import { migrateDatabase } from './migrations.ts';

declare global {
  var elsTestStack: Stack | undefined;
}

async function start(): Promise<void> {
  const stack = await startStack({ onProgress: (line) => process.stderr.write(`stack: ${line}\n`) });
  globalThis.elsTestStack = stack;
  try {
    const template = `els_template_${randomBytes(6).toString('hex')}`;
    const client = new Client({ connectionString: stack.databaseUrl });
    await client.connect();
    await client.query(`create database ${template}`);
    await client.end();
    const url = new URL(stack.databaseUrl);
    url.pathname = `/${template}`;
    await migrateDatabase(url.href);
    process.env['ELS_TEST_TEMPLATE_DATABASE'] = template;
    process.env['ELS_TEST_DATABASE_URL'] = stack.databaseUrl;
    process.env['ELS_TEST_KAFKA_BROKERS'] = stack.kafkaBrokers.join(',');
    process.env['ELS_TEST_REDIS_URL'] = stack.redisUrl;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

// biome-ignore lint/style/noDefaultExport: jest calls the default export of a globalSetup file.
export default start;
