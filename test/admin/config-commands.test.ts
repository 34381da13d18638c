import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminInMemory } from '../support/admin.ts';

const VALID = {
  DATABASE_URL: 'postgres://els:canary@db/els',
  KAFKA_BROKERS: 'one:9092',
  REDIS_URL: 'redis://:canary@cache/0',
};

let admin: AdminInMemory;
beforeEach(() => {
  admin = new AdminInMemory();
  admin.environment = VALID;
});

test('print shows every setting with its source and no password', async () => {
  const { code, stdout } = await admin.run('config', 'print');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^DATABASE_URL +postgres:\/\/els:\*\*\*@db\/els +environment$/m);
  expect(stdout).toMatch(/^HTTP_PORT +3000 +default$/m);
  const asJson = (await admin.run('config', 'print', '--json')).stdout;
  expect(JSON.parse(asJson)).toContainEqual({ name: 'HTTP_PORT', value: '3000', source: 'default' });
  expect(stdout + asJson).not.toContain('canary');
});

test('print of a wrong configuration shows it all the same, then fails with 78', async () => {
  admin.environment = { ...VALID, HTTP_PORT: 'x' };
  const { code, stdout, stderr } = await admin.run('config', 'print');
  expect(code).toBe(78);
  expect(stdout).toMatch(/^HTTP_PORT +x +environment$/m);
  expect(stderr).toBe('HTTP_PORT must be a whole number from 0 to 65535; it is "x"\n');
});

test('check is 0 for a valid configuration, with warnings on standard error', async () => {
  admin.environment = { ...VALID, KAFKA_BROKER: 'x' };
  expect(await admin.run('config', 'check')).toEqual({
    code: 0,
    stdout: 'the configuration is valid\n',
    stderr: 'warning: KAFKA_BROKER is not a setting; KAFKA_BROKERS is\n',
  });
});

test('check is 78 with one line per mistake', async () => {
  admin.environment = { LOCK_TIMEOUT_MS: '4000' };
  const { code, stdout, stderr } = await admin.run('config', 'check');
  expect([code, stdout, stderr.trim().split('\n').length]).toEqual([78, '', 4]);
});

test('help explains every setting', async () => {
  const { stdout } = await admin.run('config', 'help');
  expect(stdout).toMatch(/^ {2}DATABASE_URL {2}required {2}or DATABASE_URL_FILE$/m);
  const settings = JSON.parse((await admin.run('config', 'help', '--json')).stdout);
  expect(settings).toContainEqual(expect.objectContaining({ section: 'Process', name: 'HTTP_PORT' }));
});

test.each([
  ['docs/CONFIG.md', '--markdown'],
  ['.env.example', '--env'],
])('%s is up to date: pnpm --silent els config help %s', async (file, option) => {
  const written = readFileSync(join(__dirname, '../..', file), 'utf8');
  expect((await admin.run('config', 'help', option)).stdout).toBe(written);
});

test('.env.example is itself a valid configuration', async () => {
  const lines = readFileSync(join(__dirname, '../../.env.example'), 'utf8').split('\n');
  const settings = lines.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2));
  admin.environment = Object.fromEntries(settings);
  expect((await admin.run('config', 'check')).code).toBe(0);
});
