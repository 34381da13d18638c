/**
 * Every setting of the service, once: its check, its default, its meaning. Types, help text, docs/CONFIG.md and
 * .env.example are all made from this table. A value arrives as text; what fails its check is refused, never mended.
 */
import { hostname } from 'node:os';
import { z } from 'zod';
import { maskAddress } from '../connection/address.ts';
import { DATABASE_ADDRESS, parseDatabaseAddress } from '../connection/database-address.ts';
import { parseRedisAddress, REDIS_ADDRESS } from '../connection/redis-address.ts';
import { CLAIM_INPUTS_MAX } from '../domain/batch-store.ts';
import {
  accepted,
  brokerList,
  file,
  flag,
  hidden,
  integer,
  oneOf,
  optionalText,
  origins,
  serverName,
  setting,
  text,
} from './setting-checks.ts';

/** As long as what it makes with HMAC-SHA256. */
const optionalSecretText = optionalText(/^[\x21-\x7e]{32,1000}$/, 'must be 32 to 1000 characters without spaces');
const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const SECTIONS = {
  Process: {
    INSTANCE_ID: setting(
      text(/^[\w.:-]{1,100}$/, 'must be 1 to 100 letters, digits, dots, colons, dashes or underscores').default(() =>
        `${hostname().replace(/[^\w.:-]/g, '-')}-${process.pid}`.slice(-100),
      ),
      { meaning: 'Name of this process in logs, metrics and tables.', defaultText: '<host name>-<process id>' },
    ),
    ENVIRONMENT: setting(text(/^[\w.-]{1,50}$/, 'must be 1 to 50 letters, digits, . _ -').default('development'), {
      meaning: 'Name of the deployment, told by /health.',
    }),
    LOG_LEVEL: setting(oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent').default('info'), {
      meaning: 'Least severe log line that is written.',
    }),
    HTTP_HOST: setting(text(/^[\w.:%-]{1,255}$/, 'must be a host name or an address').default('127.0.0.1'), {
      meaning: 'Address the process serves health, metrics and the read API on; 0.0.0.0 in a container.',
    }),
    HTTP_PORT: setting(integer(0, 65_535).default(3000), { meaning: 'Port of the same; 0 takes any free one.' }),
    HTTP_READS_PER_SECOND_MAX: setting(integer(1, 100_000).default(50), {
      meaning:
        'Requests of the read API answered per second; more wait, then get 429: readers must not cost the work its speed.',
    }),
    SHUTDOWN_GRACE_MS: setting(integer(1000, 29_000).default(15_000), {
      meaning: 'Longest orderly stop after SIGTERM. Kubernetes kills after 30 s, so it stays below that.',
      unit: 'ms',
    }),
    SILENT_MS_MAX: setting(integer(SECOND_MS, HOUR_MS).default(60_000), {
      meaning: 'With records waiting and none resolved for this long, the process ends and lets others take over.',
      unit: 'ms',
    }),
  },
  PostgreSQL: {
    DATABASE_URL: setting(accepted(parseDatabaseAddress), {
      meaning:
        'The database that holds batches, slots and the outbox. Of several hosts (`h1:5432,h2:5432`) the one that takes writes is used.',
      secret: (value) => maskAddress(value, DATABASE_ADDRESS),
      example: 'postgres://els:change-me@127.0.0.1:5432/els',
    }),
    DATABASE_CA_FILE: file("Authorities (PEM) that may vouch for PostgreSQL in place of the system's; implies TLS."),
    DATABASE_CERT_FILE: file('Certificate (PEM) to show to PostgreSQL; implies TLS.'),
    DATABASE_KEY_FILE: file('Key (PEM) of that certificate.'),
    DATABASE_SERVER_NAME: serverName('PostgreSQL'),
    DATABASE_POOL_MAX: setting(integer(2, 100).default(4), {
      meaning: 'Most connections one process opens for assignments; six more serve relay, upkeep, read API and probes.',
    }),
    LOCK_TIMEOUT_MS: setting(integer(10, 60_000).default(2000), {
      meaning: 'Longest wait for a row lock before the statement is given up and tried again.',
      unit: 'ms',
    }),
    STATEMENT_TIMEOUT_MS: setting(integer(10, 60_000).default(4000), {
      meaning: 'Longest run of one statement, ended by the server.',
      unit: 'ms',
    }),
    QUERY_TIMEOUT_MS: setting(integer(10, 60_000).default(5000), {
      meaning: 'Longest wait for an answer of the server, ended by the client: a silent network.',
      unit: 'ms',
    }),
    IDLE_IN_TRANSACTION_TIMEOUT_MS: setting(integer(10, 60_000).default(6000), {
      meaning: 'The server ends a transaction idle for this long: it frees the slots of a frozen process.',
      unit: 'ms',
    }),
  },
  Kafka: {
    KAFKA_BROKERS: setting(brokerList(), {
      meaning: 'Brokers to start from, host:port, separated by commas.',
      example: '127.0.0.1:9092',
    }),
    KAFKA_SSL: setting(flag().default(false), { meaning: 'Speak TLS to the brokers and verify them.' }),
    KAFKA_CA_FILE: file("Authorities (PEM) that may vouch for the brokers in place of the system's."),
    KAFKA_CERT_FILE: file('Certificate (PEM) to show to the brokers.'),
    KAFKA_KEY_FILE: file('Key (PEM) of that certificate.'),
    KAFKA_SERVER_NAME: serverName('the brokers'),
    KAFKA_SASL_MECHANISM: setting(
      oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer').nullable().default(null),
      { meaning: 'How to log in to the brokers: oauthbearer by a token, the others by user name and password.' },
    ),
    KAFKA_SASL_USERNAME: setting(optionalText(), { meaning: 'User name at the brokers.' }),
    KAFKA_SASL_PASSWORD: setting(z.string().nullable().default(null), {
      meaning: 'Password at the brokers.',
      secret: hidden,
    }),
    KAFKA_SASL_PLAIN_WITHOUT_TLS: setting(flag().default(false), {
      meaning: 'Log in by plain though everybody on the way can read the password.',
    }),
    KAFKA_OAUTH_TOKEN_FILE: file('File with the token for oauthbearer, read again for every login.'),
    KAFKA_OAUTH_TOKEN_URL: setting(
      optionalText(/^https?:\/\/[^\s@#]{1,1000}$/, 'must be a URL that begins with https:// or http://, without login'),
      { meaning: 'Who issues tokens for oauthbearer for client credentials, in place of a file.' },
    ),
    KAFKA_OAUTH_CLIENT_ID: setting(optionalText(), { meaning: 'Client id at the issuer of tokens.' }),
    KAFKA_OAUTH_CLIENT_SECRET: setting(optionalText(), {
      meaning: 'Client secret at the issuer of tokens.',
      secret: hidden,
    }),
    KAFKA_OAUTH_SCOPE: setting(optionalText(), { meaning: 'Scope to ask the issuer of tokens for.' }),
    TOPIC_PREFIX: setting(text(/^[\w.-]{0,100}$/, 'must be at most 100 letters, digits, . _ -').default(''), {
      meaning: 'Put before every topic name; empty for the names of the contract.',
    }),
    CONSUMER_GROUP: setting(
      text(/^[\w.-]{1,200}$/, 'must be 1 to 200 letters, digits, . _ -').default('essay-lifecycle-service-group-v1.0'),
      { meaning: 'Consumer group shared by all instances.' },
    ),
    INBOUND_PARTITIONS_MIN: setting(integer(1, 10_000).default(1), {
      meaning: 'Start is refused when an inbound topic has fewer partitions: more instances would idle.',
    }),
    KAFKA_SESSION_TIMEOUT_MS: setting(integer(6000, 300_000).default(10_000), {
      meaning: 'A member silent for this long loses its partitions.',
      unit: 'ms',
    }),
    KAFKA_REBALANCE_TIMEOUT_MS: setting(integer(6000, 600_000).default(20_000), {
      meaning: 'Longest wait for all members to rejoin.',
      unit: 'ms',
    }),
    FETCH_WAIT_MAX_MS: setting(integer(10, 1000).default(200), {
      meaning: 'Longest wait of one fetch. The client notices a rebalance only between fetches, so it is short.',
      unit: 'ms',
    }),
  },
  Intake: {
    SLOTS_MAX: setting(integer(1, 1_000_000).default(10_000), {
      meaning: 'Most slots a batch may be registered with; larger registrations are dead letters.',
      unit: 'slots',
    }),
    VALUE_BYTES_MAX: setting(integer(1024, 67_108_864).default(1_048_576), {
      meaning: 'Largest record value that is parsed; larger ones are dead letters.',
      unit: 'bytes',
    }),
    GROUP_SIZE_MAX: setting(integer(1, CLAIM_INPUTS_MAX).default(CLAIM_INPUTS_MAX), {
      meaning: 'Most records assigned in one transaction.',
      unit: 'records',
    }),
    GROUP_AGE_MAX_MS: setting(integer(0, 1000).default(10), {
      meaning: 'Longest wait of a record for others to be assigned with.',
      unit: 'ms',
    }),
    GROUPS_IN_FLIGHT_MAX: setting(integer(1, 32).default(2), { meaning: 'Most groups assigned at the same time.' }),
    BUFFERED_RECORDS_MAX: setting(integer(1, 1_000_000).default(5000), {
      meaning:
        'Most records held in memory, in equal shares of at least 50 per partition; beyond its share one is paused.',
      unit: 'records',
    }),
    COMMIT_INTERVAL_MS: setting(integer(0, 60_000).default(200), {
      meaning: 'Longest time between two offset commits. After a crash at most this much is delivered again.',
      unit: 'ms',
    }),
    PENDING_PER_BATCH_MAX: setting(integer(1, 1_000_000).default(20_000), {
      meaning:
        'Most inputs kept for a batch that is not registered yet; more are dead letters. Twice the most slots: every file twice.',
      unit: 'records',
    }),
    BATCH_RETENTION_DAYS: setting(integer(0, 36_500).default(0), {
      meaning:
        'Completed batches lose slots, file names, failures and excess after so many days, and leave a tombstone that swallows replays; 0 keeps them, because what is erased does not come back.',
      unit: 'days',
    }),
    RECONCILE_INTERVAL_MS: setting(integer(100, HOUR_MS).default(10_000), {
      meaning: 'Time between two looks for states that should be impossible; one instance at a time looks.',
      unit: 'ms',
    }),
  },
  Outbox: {
    OUTBOX_LEASE_MS: setting(integer(2000, HOUR_MS).default(15_000), {
      meaning:
        'An unpublished event belongs to its writer for this long; then any instance publishes it. An attempt to write it may take two thirds of it, so that none outlasts the lease; half of that is what replicas get to acknowledge.',
      unit: 'ms',
    }),
    OUTBOX_POLL_INTERVAL_MS: setting(integer(10, 60_000).default(1000), {
      meaning: 'Time between two looks for events left over by others; own events are published at once.',
      unit: 'ms',
    }),
    OUTBOX_RETENTION_MS: setting(integer(0, 365 * DAY_MS).default(0), {
      meaning:
        'Published events are kept in the table for this long, for whoever wants to look; 0 removes them in the step that would mark them, which costs the database least.',
      unit: 'ms',
    }),
    OUTBOX_HIGH_WATER_MESSAGES: setting(integer(1, 10_000_000).default(200_000), {
      meaning:
        'With so many events waiting for Kafka the intake pauses until half of them are gone. The default is about a quarter of a gigabyte in the database, and an hour of one stuck partition at 50 events a second.',
    }),
  },
  Redis: {
    REDIS_URL: setting(accepted(parseRedisAddress), {
      meaning:
        'Hints and live progress only; the service is correct without it, but wants to know where it is. Several hosts are sentinels or nodes of a cluster; `rediss://` speaks TLS.',
      secret: (value) => maskAddress(value, REDIS_ADDRESS),
      example: 'redis://127.0.0.1:6379/0',
    }),
    REDIS_SENTINEL_NAME: setting(optionalText(/^[\w.-]{1,100}$/, 'must be 1 to 100 letters, digits, . _ -'), {
      meaning: 'The hosts of REDIS_URL are sentinels, and this is the name of the master they watch.',
    }),
    REDIS_SENTINEL_USERNAME: setting(optionalText(), { meaning: 'User name at the sentinels, if they want one.' }),
    REDIS_SENTINEL_PASSWORD: setting(optionalText(), {
      meaning: 'Password at the sentinels; that of REDIS_URL is for master and replicas.',
      secret: hidden,
    }),
    REDIS_CLUSTER: setting(flag().default(false), { meaning: 'The hosts of REDIS_URL are nodes of a cluster.' }),
    REDIS_CA_FILE: file("Authorities (PEM) that may vouch for Redis in place of the system's."),
    REDIS_CERT_FILE: file('Certificate (PEM) to show to Redis.'),
    REDIS_KEY_FILE: file('Key (PEM) of that certificate.'),
    REDIS_SERVER_NAME: serverName('Redis'),
    REDIS_COMMAND_TIMEOUT_MS: setting(integer(1, 5000).default(200), {
      meaning: 'Longest wait for an answer of Redis before going on without it.',
      unit: 'ms',
    }),
    HINTS_ENABLED: setting(flag().default(true), { meaning: 'Ask Redis which events were probably seen before.' }),
    HINT_TTL_SECONDS: setting(integer(1, 30 * 86_400).default(3600), {
      meaning: 'How long such a hint is kept.',
      unit: 's',
    }),
  },
  Gateway: {
    GATEWAY_AUTH: setting(oneOf('none', 'jwt').default('none'), {
      meaning: 'jwt: everybody shows a bearer token that says who he is and what he may. none: nobody is asked.',
    }),
    GATEWAY_OPEN: setting(flag().default(false), {
      meaning:
        'With GATEWAY_AUTH=none a gateway refuses to start on an address that is not loopback; this allows it: whoever reaches it may read and write.',
    }),
    GATEWAY_JWT_SECRET: setting(optionalSecretText, {
      meaning: 'Verifies those tokens (HS256 to HS512): what their issuer signs them with.',
      secret: hidden,
    }),
    GATEWAY_JWT_PUBLIC_KEY_FILE: file('Verifies those tokens instead: a public key (PEM; RSA, EC or Ed25519).'),
    GATEWAY_JWT_JWKS_URL: setting(
      optionalText(
        /^(https:\/\/|http:\/\/(127\.|localhost[:/]|\[::1\]))[^\s@]{1,1000}$/,
        'must begin with https://, or with http:// on loopback, and hold no login',
      ),
      { meaning: "Verifies those tokens instead: where the issuer's keys are." },
    ),
    GATEWAY_JWT_ISSUER: setting(optionalText(), { meaning: 'iss that a token must have; any where it is not set.' }),
    GATEWAY_JWT_AUDIENCE: setting(optionalText(), { meaning: 'aud that a token must have; any where it is not set.' }),
    GATEWAY_SIGNING_SECRET: setting(optionalSecretText, {
      meaning: 'Signs upload tokens and tickets for live connections, the same in all gateways; needed with jwt.',
      secret: hidden,
    }),
    GATEWAY_ALLOWED_ORIGINS: setting(origins(), {
      meaning: 'Origins, with commas between, whose pages may ask besides those of the host itself.',
    }),
    GATEWAY_REQUESTS_PER_MINUTE_MAX: setting(integer(1, 1_000_000).default(600), {
      meaning: 'Requests of one user per minute, on all gateways together; 429 beyond. Services have no such limit.',
    }),
    GATEWAY_RECORDS_IN_FLIGHT_MAX: setting(integer(1, 1_000_000).default(20_000), {
      meaning: 'Most records a gateway holds that Kafka has not acknowledged; requests beyond it get 429.',
      unit: 'records',
    }),
    GATEWAY_CONNECTIONS_MAX: setting(integer(10, 20_000).default(10_000), {
      meaning: 'Most connections of a gateway; a newcomer takes the place of the one that is quiet for longest.',
    }),
    GATEWAY_CONNECTIONS_PER_USER_MAX: setting(integer(1, 20_000).default(20), {
      meaning: 'Most live connections of one user to a gateway, where users are asked who they are.',
    }),
    GATEWAY_WATCHES_PER_CONNECTION_MAX: setting(integer(1, 10_000).default(200), {
      meaning: 'Most batches that one live connection watches.',
    }),
  },
} as const;

export const configSchema = z.object({
  ...SECTIONS.Process,
  ...SECTIONS.PostgreSQL,
  ...SECTIONS.Kafka,
  ...SECTIONS.Intake,
  ...SECTIONS.Outbox,
  ...SECTIONS.Redis,
  ...SECTIONS.Gateway,
});

export type SettingName = keyof typeof configSchema.shape;

/** KAFKA_BROKERS is kafkaBrokers in code. */
type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

export type Config = {
  readonly [Name in SettingName as CamelCase<Name>]: z.output<(typeof configSchema.shape)[Name]>;
};

export type ConfigOf<Name extends SettingName> = Pick<Config, CamelCase<Name>>;

export function fieldName(name: SettingName): string {
  return name.toLowerCase().replace(/_(\w)/g, (_match, letter: string) => letter.toUpperCase());
}

export const SETTING_NAMES = Object.keys(configSchema.shape) as SettingName[];
