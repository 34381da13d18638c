/** Ends what `start-stack.ts` began. On a server that is not ours, only the template database is removed. */
import { Client } from 'pg';

async function stop(): Promise<void> {
  const stack = globalThis.elsTestStack;
  if (stack === undefined) return;
  try {
    const template = process.env['ELS_TEST_TEMPLATE_DATABASE'];
    if (stack.description.postgres === 'external' && template !== undefined) {
      const client = new Client({ connectionString: stack.databaseUrl });
      await client.connect();
      await client.query(`drop database if exists ${template} with (force)`);
      await client.end();
    }
  } finally {
    await stack.stop();
  }
}

// biome-ignore lint/style/noDefaultExport: jest calls the default export of a globalTeardown file.
export default stop;
