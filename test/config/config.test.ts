import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configWarnings, describeConfig, type Environment, loadConfig, loadSettings } from '../../src/config/config.ts';
import { AppError } from '../../src/errors.ts';

const REQUIRED = {
  DATABASE_URL: 'postgres://els:hunter2@db.example/els',
  KAFKA_BROKERS: 'one:9092,two:9092',
  REDIS_URL: 'redis://:hunter3@cache.example/0',
};

const PLAIN = {
  KAFKA_SSL: 'true',
  KAFKA_SASL_MECHANISM: 'plain',
  KAFKA_SASL_USERNAME: 'els',
  KAFKA_SASL_PASSWORD: 'x',
};

function mistakesOf(env: Environment): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof AppError && error.code === 'CONFIG_INVALID') {
      return error.message.split('\n');
    }
    throw error;
  }
  return [];
}

const LONG = 'x'.repeat(32);

describe('loading', () => {
  test('required settings alone give a complete, frozen configuration', () => {
    const config = loadConfig(REQUIRED);
    expect(config).toMatchObject({
      databaseUrl: REQUIRED.DATABASE_URL,
      kafkaBrokers: ['one:9092', 'two:9092'],
      httpPort: 3000,
      hintsEnabled: true,
      kafkaSaslMechanism: null,
      consumerGroup: 'essay-lifecycle-service-group-v1.0',
    });
    expect(config.instanceId).toContain(String(process.pid));
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('all mistakes are reported at once, a line each', () => {
    const mistakes = mistakesOf({ HTTP_PORT: '70000', HINTS_ENABLED: 'yes', LOG_LEVEL: 'loud', REDIS_URL: 'http://x' });
    expect(mistakes).toEqual([
      expect.stringMatching(/^LOG_LEVEL must be one of trace, .*; it is "loud"$/),
      'HTTP_PORT must be a whole number from 0 to 65535; it is "70000"',
      expect.stringMatching(/^DATABASE_URL is missing: /),
      expect.stringMatching(/^KAFKA_BROKERS is missing: /),
      'REDIS_URL must be a URL that begins with redis:// or rediss://',
      'HINTS_ENABLED must be true or false; it is "yes"',
    ]);
  });

  test.each(['abc', '-1', '1e3', '0x10', ' 5', '5.0', 'Infinity', '99999999999999999999'])(
    'the number %p is refused',
    (text) => {
      expect(mistakesOf({ ...REQUIRED, SLOTS_MAX: text })).toHaveLength(1);
    },
  );

  test('an empty variable counts as absent', () => {
    expect(loadConfig({ ...REQUIRED, HTTP_PORT: '' }).httpPort).toBe(3000);
    expect(mistakesOf({ ...REQUIRED, REDIS_URL: '' })).toEqual([expect.stringMatching(/^REDIS_URL is missing/)]);
  });

  test('a part can be loaded when the rest is missing', () => {
    expect(loadSettings(['DATABASE_URL'], { DATABASE_URL: REQUIRED.DATABASE_URL })).toEqual({
      databaseUrl: REQUIRED.DATABASE_URL,
    });
  });
});

describe('contradictions', () => {
  test.each([
    [{ LOCK_TIMEOUT_MS: '4000' }, 'LOCK_TIMEOUT_MS=4000 must be less than STATEMENT_TIMEOUT_MS=4000'],
    [{ STATEMENT_TIMEOUT_MS: '5500' }, 'STATEMENT_TIMEOUT_MS=5500 must be less than QUERY_TIMEOUT_MS=5000'],
    [{ QUERY_TIMEOUT_MS: '6000' }, 'QUERY_TIMEOUT_MS=6000 must be less than IDLE_IN_TRANSACTION_TIMEOUT_MS=6000'],
    [
      { IDLE_IN_TRANSACTION_TIMEOUT_MS: '10001' },
      'IDLE_IN_TRANSACTION_TIMEOUT_MS=10001 must be less than KAFKA_SESSION_TIMEOUT_MS=10000',
    ],
    [
      { KAFKA_SESSION_TIMEOUT_MS: '20000' },
      'KAFKA_SESSION_TIMEOUT_MS=20000 must be less than KAFKA_REBALANCE_TIMEOUT_MS=20000',
    ],
    [{ SHUTDOWN_GRACE_MS: '3000' }, 'STATEMENT_TIMEOUT_MS=4000 must be less than SHUTDOWN_GRACE_MS=3000'],
    [{ OUTBOX_LEASE_MS: '1999' }, 'OUTBOX_LEASE_MS must be a whole number from 2000'],
    [{ SILENT_MS_MAX: '20000' }, 'KAFKA_REBALANCE_TIMEOUT_MS=20000 must be less than SILENT_MS_MAX=20000'],
    [{ BUFFERED_RECORDS_MAX: '499' }, 'GROUP_SIZE_MAX must not exceed BUFFERED_RECORDS_MAX'],
    [{ KAFKA_SASL_USERNAME: 'els' }, 'KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD belong together'],
    [{ DATABASE_CERT_FILE: '/dev/null' }, 'DATABASE_CERT_FILE and DATABASE_KEY_FILE belong together; set both'],
    [
      { DATABASE_URL: 'postgres://u@h/db?sslmode=disable', DATABASE_CA_FILE: '/dev/null' },
      'sslmode=disable in DATABASE_URL contradicts',
    ],
    [
      { DATABASE_URL: 'postgres://u@h/db?sslrootcert=a', DATABASE_CA_FILE: '/dev/null' },
      'DATABASE_CA_FILE: leave out sslrootcert, sslcert and sslkey of DATABASE_URL',
    ],
    [{ KAFKA_CA_FILE: '/dev/null' }, 'KAFKA_CA_FILE need KAFKA_SSL=true'],
    [{ ...PLAIN, KAFKA_SSL: 'false' }, 'KAFKA_SASL_MECHANISM=plain sends the password readably'],
    [
      { KAFKA_SASL_MECHANISM: 'oauthbearer' },
      'KAFKA_SASL_MECHANISM=oauthbearer needs either KAFKA_OAUTH_TOKEN_FILE or',
    ],
    [{ REDIS_URL: 'redis://one,two' }, 'REDIS_URL names several hosts: say by REDIS_SENTINEL_NAME'],
    [
      { REDIS_CLUSTER: 'true', REDIS_SENTINEL_NAME: 'main' },
      'REDIS_CLUSTER and REDIS_SENTINEL_NAME exclude each other',
    ],
    [{ REDIS_CLUSTER: 'true', REDIS_URL: 'redis://h/1' }, 'REDIS_URL must name database 0 with REDIS_CLUSTER'],
    [{ REDIS_SENTINEL_PASSWORD: 'x' }, 'REDIS_SENTINEL_PASSWORD needs REDIS_SENTINEL_NAME'],
    [{ REDIS_CA_FILE: '/dev/null' }, 'REDIS_CA_FILE need a REDIS_URL that begins with rediss://'],
    [{ KAFKA_SSL: 'true', KAFKA_CA_FILE: '/nowhere' }, 'KAFKA_CA_FILE cannot be read: '],
    [{ GATEWAY_JWT_SECRET: LONG }, 'GATEWAY_JWT_SECRET need GATEWAY_AUTH=jwt'],
    [{ GATEWAY_AUTH: 'jwt', GATEWAY_SIGNING_SECRET: LONG }, 'GATEWAY_AUTH=jwt needs one of GATEWAY_JWT_SECRET, '],
    [{ GATEWAY_AUTH: 'jwt', GATEWAY_JWT_SECRET: LONG }, 'GATEWAY_AUTH=jwt needs GATEWAY_SIGNING_SECRET'],
    [
      { GATEWAY_AUTH: 'jwt', GATEWAY_JWT_SECRET: LONG, GATEWAY_SIGNING_SECRET: LONG },
      'GATEWAY_SIGNING_SECRET must be another than GATEWAY_JWT_SECRET',
    ],
    [{ GATEWAY_JWT_JWKS_URL: 'http://issuer.example/keys' }, 'GATEWAY_JWT_JWKS_URL must begin with https://'],
    [{ GATEWAY_ALLOWED_ORIGINS: 'https://a.example/' }, 'GATEWAY_ALLOWED_ORIGINS must be origins'],
  ])('%p is refused with one line', (settings, line) => {
    expect(mistakesOf({ ...REQUIRED, ...settings })).toEqual([expect.stringContaining(line)]);
  });

  test.each([
    PLAIN,
    { ...PLAIN, KAFKA_SSL: 'false', KAFKA_SASL_PLAIN_WITHOUT_TLS: 'true' },
    { KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_OAUTH_TOKEN_FILE: '/dev/null' },
    { REDIS_URL: 'rediss://:x@one:1,two:2/3', REDIS_SENTINEL_NAME: 'main', REDIS_SENTINEL_PASSWORD: 'x' },
    { REDIS_URL: 'redis://one,two', REDIS_CLUSTER: 'true' },
    { GATEWAY_AUTH: 'jwt', GATEWAY_JWT_JWKS_URL: 'https://issuer.example/keys', GATEWAY_SIGNING_SECRET: LONG },
    { GATEWAY_ALLOWED_ORIGINS: 'https://a.example,http://localhost:5173' },
    { KAFKA_BROKERS: '[::1]:9092', DATABASE_URL: 'postgres://u:p@h1:5432,h2:5433/db' },
  ])('%p is taken', (settings) => {
    expect(mistakesOf({ ...REQUIRED, ...settings })).toEqual([]);
  });

  test('a grace that outlives what Kubernetes grants is refused', () => {
    expect(mistakesOf({ ...REQUIRED, SHUTDOWN_GRACE_MS: '30000' })).toHaveLength(1);
  });

  test('contradictions are reported beside other mistakes', () => {
    expect(mistakesOf({ LOCK_TIMEOUT_MS: '4000', HTTP_PORT: 'x' })).toHaveLength(5);
  });
});

describe('secrets', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'config-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('a secret is read from the file that NAME_FILE names, without its final line break', () => {
    const path = join(directory, 'database-url');
    writeFileSync(path, `${REQUIRED.DATABASE_URL}\n`);
    const env = { ...REQUIRED, DATABASE_URL: undefined, DATABASE_URL_FILE: path };
    expect(loadConfig(env).databaseUrl).toBe(REQUIRED.DATABASE_URL);
    expect(describeConfig(env).find(({ name }) => name === 'DATABASE_URL')).toMatchObject({ source: 'file' });
  });

  test('a file that cannot be read, or that competes with the variable, is refused', () => {
    const path = join(directory, 'absent');
    expect(mistakesOf({ ...REQUIRED, REDIS_URL: undefined, REDIS_URL_FILE: path })).toEqual([
      expect.stringMatching(/^REDIS_URL_FILE cannot be read: .*ENOENT/),
    ]);
    expect(mistakesOf({ ...REQUIRED, REDIS_URL_FILE: path })).toEqual([
      'REDIS_URL and REDIS_URL_FILE are both set; set one',
    ]);
  });

  test('no password is ever shown, in the description or in a mistake', () => {
    const env = {
      DATABASE_URL: 'postgres://els:canary-1@db/els?sslpassword=canary-2',
      REDIS_URL: 'canary-3',
      KAFKA_SASL_PASSWORD: 'canary-4',
      KAFKA_BROKERS: 'x:1',
    };
    const shown = JSON.stringify([describeConfig(env), mistakesOf(env)]);
    expect(shown).not.toContain('canary');
    expect(shown).toContain('postgres://els:***@db/els?sslpassword=***');
  });
});

describe('describing', () => {
  test('each setting tells where its value comes from', () => {
    const rows = describeConfig({ ...REQUIRED, HTTP_PORT: '8080', REDIS_URL: undefined });
    const row = (wanted: string) => rows.find(({ name }) => name === wanted);
    expect(row('HTTP_PORT')).toEqual({ name: 'HTTP_PORT', value: '8080', source: 'environment' });
    expect(row('SLOTS_MAX')).toEqual({ name: 'SLOTS_MAX', value: '10000', source: 'default' });
    expect(row('REDIS_URL')).toEqual({ name: 'REDIS_URL', value: '', source: 'missing' });
  });

  test('variables that look like a misspelt setting are pointed out, those of others are not', () => {
    const others = { PATH: '/bin', HTTP_PROXY: 'x', HTTPS_PROXY: 'x', KAFKA_SERVICE_HOST: 'x', REDIS_PORT: 'tcp://x' };
    expect(configWarnings({ ...REQUIRED, ...others, KAFKA_SASL_PASSWORD_FILE: 'x' })).toEqual([]);
    expect(configWarnings({ KAFKA_BROKER: 'x', OUTBOX_LEASE_SECONDS: '3' })).toEqual([
      'KAFKA_BROKER is not a setting; KAFKA_BROKERS is',
      'OUTBOX_LEASE_SECONDS is not a setting',
    ]);
  });
});
