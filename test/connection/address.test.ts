import fc from 'fast-check';
import { configWarnings, describeConfig, type Environment, loadConfig } from '../../src/config/config.ts';
import { maskAddress, parseHosts } from '../../src/connection/address.ts';
import { DATABASE_ADDRESS, parseDatabaseAddress } from '../../src/connection/database-address.ts';
import { parseRedisAddress, REDIS_ADDRESS } from '../../src/connection/redis-address.ts';

/** All that the configuration says about itself, right or wrong. */
function everythingShown(env: Environment): string {
  let mistakes = '';
  try {
    loadConfig(env);
  } catch (error) {
    mistakes = error instanceof Error ? `${error.stack} ${error.cause}` : String(error);
  }
  return [mistakes, ...configWarnings(env), ...describeConfig(env).map(({ value }) => value)].join('\n');
}

describe('secrets in addresses', () => {
  const CANARY = 'Zq7canaryZq7';
  /** The canary among characters that mean something in a URL, and whatever else people type. */
  const password = fc
    .tuple(
      fc.string({ unit: fc.constantFrom(...'#@/?:%zz[]&=,+ "\'\\aé'), maxLength: 6 }),
      fc.string({ unit: fc.constantFrom(...'#@/?:%zz[]&=,+ "\'\\aé'), maxLength: 6 }),
    )
    .map(([before, after]) => `${before}${CANARY}${after}`);
  const shapes: readonly ((secret: string) => string)[] = [
    (secret) => `postgres://u:${secret}@h/db`,
    // Before a colon it would be the name of a user, which is shown.
    (secret) => `postgres://${secret.replaceAll(':', '')}@h/db`,
    (secret) => `postgres://u:${secret}@h1:1,h2:2/db?sslmode=require`,
    (secret) => `postgres://u@h/db?password=${secret}`,
    (secret) => `postgres://u:p@h/db?${secret}`,
    (secret) => `postgres://u:${encodeURIComponent(secret)}@h/db`,
    (secret) => `u:${secret}@h/db`,
  ];

  test('no password is ever shown, however the address is written', () => {
    fc.assert(
      fc.property(password, fc.constantFrom(...shapes), (secret, shape) => {
        const address = shape(secret);
        const redis = address.replace('postgres://', 'redis://');
        const env = { DATABASE_URL: address, REDIS_URL: redis, KAFKA_BROKERS: address, KAFKA_OAUTH_TOKEN_URL: address };
        expect(everythingShown(env)).not.toContain(CANARY);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(['p@ss', 'p/ss', 'p#ss', 'p?ss', 'p%zz', 'p%ff', 'p ss', 'p"ss', 'p%00ss'])(
    'a password like %s must be percent-encoded',
    (secret) => {
      expect(() => parseDatabaseAddress(`postgres://u:${secret}@h/db`)).toThrow('percent-encoded');
      expect(() => parseRedisAddress(`redis://u:${secret}@h/0`)).toThrow('percent-encoded');
    },
  );

  test('any password can be given when it is encoded', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
        (secret) => {
          expect(parseDatabaseAddress(`postgres://u:${encodeURIComponent(secret)}@h/db`).password).toBe(secret);
        },
      ),
    );
  });

  test.each([
    [
      'postgres://els:secret@one:5432,two:5433/els?sslmode=require',
      'postgres://els:***@one:5432,two:5433/els?sslmode=require',
    ],
    ['postgres://secret@h/els', 'postgres://***@h/els'],
    ['postgres://h/els', 'postgres://h/els'],
    ['postgres://els:secret@h/els?sslpassword=secret', 'postgres://els:***@h/els?sslpassword=***'],
    ['postgres://els:se#cret@h/els', '***'],
  ])('%s is shown as %s', (address, shown) => {
    expect(maskAddress(address, DATABASE_ADDRESS)).toBe(shown);
  });

  test('the user name may be missing', () => {
    expect(maskAddress('rediss://:secret@h:1/2', REDIS_ADDRESS)).toBe('rediss://:***@h:1/2');
    expect(parseRedisAddress('rediss://:secret@h:1/2')).toEqual({
      hosts: [{ host: 'h', port: 1 }],
      user: undefined,
      password: 'secret',
      database: 2,
      tls: true,
    });
  });
});

describe('addresses of PostgreSQL', () => {
  test('there may be several hosts, IPv6 among them', () => {
    const { hosts, user, database } = parseDatabaseAddress('postgres://u:p@h1:5432,[::1]:5433,h3/db');
    expect(hosts).toEqual([
      { host: 'h1', port: 5432 },
      { host: '::1', port: 5433 },
      { host: 'h3', port: 5432 },
    ]);
    expect({ user, database }).toEqual({ user: 'u', database: 'db' });
  });

  test.each(['postgres://u@%2Frun%2Fpg/db', 'postgres://u@/db?host=/run/pg'])('a socket: %s', (address) => {
    expect(parseDatabaseAddress(address).hosts[0]?.host).toBe('/run/pg');
  });

  test.each([
    'statement_timeout',
    'lock_timeout',
    'idle_in_transaction_session_timeout',
    'query_timeout',
    'options',
    'client_encoding',
    'connect_timeout',
    'keepalives',
    'binary',
    'replication',
    'sslpassword',
    'anything_new',
  ])('the parameter %s is refused by its name', (name) => {
    expect(() => parseDatabaseAddress(`postgres://u:p@h/db?sslmode=require&${name}=0`)).toThrow(
      `must not have the parameter ${name}:`,
    );
  });

  test.each(['prefer', 'allow', 'no-verify', ''])('sslmode=%s would not verify whom it talks to', (mode) => {
    const parse = () => parseDatabaseAddress(`postgres://u:p@h/db?sslmode=${mode}`);
    if (mode === '') expect(parse().tls).toBeUndefined();
    else expect(parse).toThrow('sslmode');
  });

  test.each(['postgres://u:p@h:0/db', 'postgres://u:p@h:x/db', 'postgres://u:p@h:65536/db', 'postgres://u:p@h,,i/db'])(
    '%s has a wrong host',
    (address) => {
      expect(() => parseDatabaseAddress(address)).toThrow('must be host:port');
    },
  );
});

describe('addresses of Redis and Kafka', () => {
  test.each(['commandTimeout=0', 'db=3', 'tls=false', 'family=6'])('%s is refused by its name', (parameter) => {
    const name = parameter.split('=')[0];
    expect(() => parseRedisAddress(`redis://h/0?${parameter}`)).toThrow(`must not have the parameter ${name}:`);
  });

  test('brokers may have IPv6 addresses, and nothing but host and port', () => {
    expect(parseHosts('[::1]:9092,kafka:9093')).toEqual([
      { host: '::1', port: 9092 },
      { host: 'kafka', port: 9093 },
    ]);
    for (const wrong of ['kafka', '::1:9092', 'kafka:9092?x=1', 'u:p@kafka:9092', 'kafka:9092/x', '']) {
      expect(() => parseHosts(wrong)).toThrow('host:port');
    }
  });
});
