import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaBrokers, redisUrlForFile } from './servers.ts';

const VARIABLES = ['DATABASE_URL', 'REDIS_URL', 'KAFKA_BROKERS'] as const;

/**
 * For files that start a whole run of harness or demo: while they last, the variables name the servers of the test run,
 * and there is a folder for what the run leaves. Call it at the top of the file.
 */
export function useServersOfTestRun(): { readonly folder: string } {
  const before = VARIABLES.map((name) => process.env[name]);
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'els-run-'));
    process.env['DATABASE_URL'] = process.env['ELS_TEST_DATABASE_URL'];
    process.env['REDIS_URL'] = await redisUrlForFile();
    process.env['KAFKA_BROKERS'] = kafkaBrokers().join(',');
  });
  afterAll(async () => {
    VARIABLES.forEach((name, index) => {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    });
    await rm(folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return folder;
    },
  };
}
