/** Rules between settings of one connection: one line for each combination that cannot work or would not be safe. */
import { parseDatabaseAddress } from '../connection/database-address.ts';
import { parseRedisAddress } from '../connection/redis-address.ts';
import { hasTlsFiles } from '../connection/tls-files.ts';
import type { SettingName } from './config-schema.ts';

type Values = ReadonlyMap<SettingName, unknown>;

/** Of settings that are valid by themselves; a rule whose settings were not asked for says nothing. */
export function connectionMistakes(values: Values): string[] {
  return [...databaseMistakes(values), ...kafkaMistakes(values), ...loginMistakes(values), ...redisMistakes(values)];
}

function databaseMistakes(values: Values): string[] {
  const url = values.get('DATABASE_URL');
  const given = tlsSettings(values, 'DATABASE');
  if (typeof url !== 'string') return [];
  const { tls, tlsFiles } = parseDatabaseAddress(url);
  const mistakes = pairMistakes(values, 'DATABASE');
  if (given.length > 0 && hasTlsFiles(tlsFiles)) {
    mistakes.push(`${given.join(', ')}: leave out sslrootcert, sslcert and sslkey of DATABASE_URL, which say the same`);
  }
  if (tls === 'disable' && (given.length > 0 || hasTlsFiles(tlsFiles))) {
    mistakes.push('sslmode=disable in DATABASE_URL contradicts the certificates that are given');
  }
  return mistakes;
}

function kafkaMistakes(values: Values): string[] {
  const mistakes = pairMistakes(values, 'KAFKA');
  const given = tlsSettings(values, 'KAFKA');
  if (values.get('KAFKA_SSL') === false && given.length > 0) {
    mistakes.push(`${given.join(', ')} need KAFKA_SSL=true`);
  }
  return mistakes;
}

function loginMistakes(values: Values): string[] {
  const mechanism = values.get('KAFKA_SASL_MECHANISM');
  if (mechanism === undefined) return [];
  if (mechanism === 'oauthbearer') return tokenMistakes(values);
  const login: SettingName[] = ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'];
  const given = login.filter((name) => isGiven(values, name));
  const mistakes: string[] = [];
  if (login.every((name) => values.has(name)) && given.length !== 0 && given.length !== login.length) {
    mistakes.push(`${login.join(', ')} belong together; only ${given.join(', ')} is set`);
  }
  const isReadable = values.get('KAFKA_SSL') === false && values.get('KAFKA_SASL_PLAIN_WITHOUT_TLS') === false;
  if (mechanism === 'plain' && isReadable) {
    mistakes.push(
      'KAFKA_SASL_MECHANISM=plain sends the password readably without KAFKA_SSL=true; KAFKA_SASL_PLAIN_WITHOUT_TLS=true allows it',
    );
  }
  return mistakes;
}

function tokenMistakes(values: Values): string[] {
  const credentials: SettingName[] = ['KAFKA_OAUTH_TOKEN_URL', 'KAFKA_OAUTH_CLIENT_ID', 'KAFKA_OAUTH_CLIENT_SECRET'];
  const given = credentials.filter((name) => isGiven(values, name));
  const isFile = isGiven(values, 'KAFKA_OAUTH_TOKEN_FILE');
  const isComplete = isFile ? given.length === 0 : given.length === credentials.length;
  if (isComplete || !values.has('KAFKA_OAUTH_TOKEN_FILE')) return [];
  return [`KAFKA_SASL_MECHANISM=oauthbearer needs either KAFKA_OAUTH_TOKEN_FILE or all of ${credentials.join(', ')}`];
}

function redisMistakes(values: Values): string[] {
  const url = values.get('REDIS_URL');
  if (typeof url !== 'string') return [];
  const { hosts, database, tls } = parseRedisAddress(url);
  const mistakes = pairMistakes(values, 'REDIS');
  const isCluster = values.get('REDIS_CLUSTER') === true;
  const hasSentinels = isGiven(values, 'REDIS_SENTINEL_NAME');
  const given = tlsSettings(values, 'REDIS');
  if (isCluster && hasSentinels) mistakes.push('REDIS_CLUSTER and REDIS_SENTINEL_NAME exclude each other');
  if (isCluster && database !== 0)
    mistakes.push('REDIS_URL must name database 0 with REDIS_CLUSTER: a cluster has no other');
  if (values.has('REDIS_CLUSTER') && hosts.length > 1 && !isCluster && !hasSentinels) {
    mistakes.push('REDIS_URL names several hosts: say by REDIS_SENTINEL_NAME or REDIS_CLUSTER=true what they are');
  }
  const sentinelLogin: SettingName[] = ['REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'];
  for (const name of sentinelLogin.filter((each) => isGiven(values, each) && !hasSentinels)) {
    mistakes.push(`${name} needs REDIS_SENTINEL_NAME`);
  }
  if (!tls && given.length > 0) mistakes.push(`${given.join(', ')} need a REDIS_URL that begins with rediss://`);
  return mistakes;
}

type Server = 'DATABASE' | 'KAFKA' | 'REDIS';

function tlsSettings(values: Values, server: Server): SettingName[] {
  const names = [`${server}_CA_FILE`, `${server}_CERT_FILE`, `${server}_KEY_FILE`, `${server}_SERVER_NAME`] as const;
  return names.filter((name) => isGiven(values, name));
}

function pairMistakes(values: Values, server: Server): string[] {
  const pair = [`${server}_CERT_FILE`, `${server}_KEY_FILE`] as const;
  if (!pair.every((name) => values.has(name)) || isGiven(values, pair[0]) === isGiven(values, pair[1])) return [];
  return [`${pair.join(' and ')} belong together; set both`];
}

function isGiven(values: Values, name: SettingName): boolean {
  return (values.get(name) ?? null) !== null;
}
