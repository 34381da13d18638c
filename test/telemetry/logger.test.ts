import { AppError } from '../../src/errors.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const SECRET = 'canary-s3cret';

function logged(...call: Parameters<ReturnType<typeof createLogger>['info']>): string {
  const lines: string[] = [];
  const log = createLogger({ level: 'trace', instance: 'test' }, { write: (line) => void lines.push(line) });
  log.info(...call);
  expect(lines).toHaveLength(1);
  return lines[0] ?? '';
}

test.each([
  'password',
  'secret',
  'token',
  'authorization',
  'cookie',
  'databaseUrl',
  'redisUrl',
  'kafkaSaslPassword',
  'connectionString',
])('a field named %s is not printed, at the top or within', (name) => {
  const line = logged({ [name]: SECRET, config: { [name]: SECRET }, request: { headers: { [name]: SECRET } } }, 'x');
  expect(line).not.toContain(SECRET);
  expect(line.match(/\[redacted\]/g)).toHaveLength(3);
});

test.each([
  ['a message', () => [`connect to postgres://els:${SECRET}@db:5432/els failed`]],
  ['a field', () => [{ url: `redis://:${SECRET}@cache:6379/0` }, 'x']],
  ['a password with an at sign', () => [{ url: `postgres://els:${SECRET}@${SECRET}@db/els` }, 'x']],
  ['an error', () => [{ err: new Error(`ECONNREFUSED amqp://u:${SECRET}@h`) }, 'x']],
  ['the cause of an error', () => [causedBy(new Error(`getaddrinfo ENOTFOUND postgres://u:${SECRET}@h`)), 'x']],
] as [string, () => Parameters<ReturnType<typeof createLogger>['info']>][])(
  'name and password of an address in %s are not printed, its host is',
  (_where, call) => {
    const line = logged(...call());
    expect(line).not.toContain(SECRET);
    expect(line).toContain('://[redacted]@');
    expect(() => JSON.parse(line)).not.toThrow();
  },
);

test('what PostgreSQL quotes of rows and parameters is not printed', () => {
  const name = 'Anna Svensson.docx';
  const error = Object.assign(new Error('new row violates check constraint'), {
    detail: `Failing row contains (${name})`,
    where: `unnamed portal parameter $1 = '${name}'`,
    internalQuery: name,
    parameters: [name],
  });
  expect(logged({ err: error }, 'x')).not.toContain('Anna');
  expect(logged(causedBy(error), 'x')).not.toContain('Anna');
});

test('an address without credentials, and a mail address, stay as they are', () => {
  const line = logged({ url: 'http://127.0.0.1:3000/metrics', who: 'a@b.c' }, 'x');
  expect(line).toContain('http://127.0.0.1:3000/metrics');
  expect(line).toContain('a@b.c');
});

function causedBy(cause: Error) {
  return { err: new AppError('UNAVAILABLE', 'database refused claim-slots', { cause }) };
}
