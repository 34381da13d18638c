/** From settings to where the servers are and how to log in there; what comes from files is read again when it is used. */
import { readFile } from 'node:fs/promises';
import { rereading } from '../config/config.ts';
import type { ConfigOf, SettingName } from '../config/config-schema.ts';
import type { KafkaSecurity } from '../kafka/client.ts';
import { issuedToken, type KafkaLogin } from '../kafka/login.ts';
import type { DatabaseTarget } from '../postgres/connector.ts';
import type { RedisTarget } from '../redis/redis-client.ts';

export const DATABASE_SETTINGS = [
  'DATABASE_URL',
  'DATABASE_CA_FILE',
  'DATABASE_CERT_FILE',
  'DATABASE_KEY_FILE',
  'DATABASE_SERVER_NAME',
] as const satisfies readonly SettingName[];

export const KAFKA_SETTINGS = [
  'KAFKA_BROKERS',
  'KAFKA_SSL',
  'KAFKA_CA_FILE',
  'KAFKA_CERT_FILE',
  'KAFKA_KEY_FILE',
  'KAFKA_SERVER_NAME',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
  'KAFKA_SASL_PLAIN_WITHOUT_TLS',
  'KAFKA_OAUTH_TOKEN_FILE',
  'KAFKA_OAUTH_TOKEN_URL',
  'KAFKA_OAUTH_CLIENT_ID',
  'KAFKA_OAUTH_CLIENT_SECRET',
  'KAFKA_OAUTH_SCOPE',
] as const satisfies readonly SettingName[];

type RedisSetting =
  | 'REDIS_URL'
  | 'REDIS_SENTINEL_NAME'
  | 'REDIS_SENTINEL_USERNAME'
  | 'REDIS_SENTINEL_PASSWORD'
  | 'REDIS_CLUSTER'
  | `REDIS_${'CA' | 'CERT' | 'KEY'}_FILE`
  | 'REDIS_SERVER_NAME';

export function databaseTarget(config: ConfigOf<(typeof DATABASE_SETTINGS)[number]>): DatabaseTarget {
  return {
    url: rereading('DATABASE_URL', config.databaseUrl),
    tls: {
      caFile: config.databaseCaFile,
      certFile: config.databaseCertFile,
      keyFile: config.databaseKeyFile,
      serverName: config.databaseServerName,
    },
  };
}

export function redisTarget(config: ConfigOf<RedisSetting>): RedisTarget {
  const { redisSentinelName: name, redisSentinelUsername: username, redisSentinelPassword: password } = config;
  return {
    url: rereading('REDIS_URL', config.redisUrl),
    tls: {
      caFile: config.redisCaFile,
      certFile: config.redisCertFile,
      keyFile: config.redisKeyFile,
      serverName: config.redisServerName,
    },
    ...(name !== null && {
      sentinel: {
        name,
        username,
        password: password === null ? () => null : rereading('REDIS_SENTINEL_PASSWORD', password),
      },
    }),
    isCluster: config.redisCluster,
  };
}

type KafkaSettings = ConfigOf<(typeof KAFKA_SETTINGS)[number]>;

export function kafkaSecurity(config: KafkaSettings): KafkaSecurity {
  const login = kafkaLogin(config);
  return {
    ...(config.kafkaSsl && {
      tls: {
        caFile: config.kafkaCaFile,
        certFile: config.kafkaCertFile,
        keyFile: config.kafkaKeyFile,
        serverName: config.kafkaServerName,
      },
    }),
    ...(login !== undefined && { login }),
  };
}

function kafkaLogin(config: KafkaSettings): KafkaLogin | undefined {
  const { kafkaSaslMechanism: mechanism, kafkaOauthTokenFile: tokenFile } = config;
  if (mechanism === null) return undefined;
  if (mechanism !== 'oauthbearer') {
    const password = rereading('KAFKA_SASL_PASSWORD', config.kafkaSaslPassword ?? '');
    return { mechanism, username: config.kafkaSaslUsername ?? '', password };
  }
  if (tokenFile !== null) {
    return { mechanism, token: async () => (await readFile(tokenFile, 'utf8')).trim() };
  }
  const issuer = {
    url: config.kafkaOauthTokenUrl ?? '',
    clientId: config.kafkaOauthClientId ?? '',
    clientSecret: rereading('KAFKA_OAUTH_CLIENT_SECRET', config.kafkaOauthClientSecret ?? ''),
    scope: config.kafkaOauthScope,
  };
  return { mechanism, token: issuedToken(issuer) };
}
