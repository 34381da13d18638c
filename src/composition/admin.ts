/** What the operators' commands work on. Each dependency checks the settings it needs when a command opens it. */
import type { AdminDeps, DeadLetterAdmin, DeadLetterFilter, Opened, StoredDeadLetter } from '../admin/deps.ts';
import { loadSettings } from '../config/config.ts';
import { deadLetterTopic, INBOUND, topicsFor } from '../contract/topics.ts';
import { AppError } from '../errors.ts';
import { createKafka, securityOf } from '../kafka/client.ts';
import { type DeadLetterContent, KafkaDeadLetterLog } from '../kafka/dead-letter-log.ts';
import { KafkaTopicAdmin } from '../kafka/topic-admin.ts';
import { Database } from '../postgres/database.ts';
import { migrateUp, migrationStatus } from '../postgres/migrate.ts';
import { PostgresOutboxStore } from '../postgres/outbox-store.ts';
import { refusing } from '../postgres/refusal.ts';
import { PostgresStatusReader } from '../postgres/status-reader.ts';
import { createLogger } from '../telemetry/logger.ts';
import { Metrics } from '../telemetry/metrics.ts';

const KAFKA_SETTINGS = [
  'KAFKA_BROKERS',
  'KAFKA_SSL',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
  'TOPIC_PREFIX',
] as const;
const STATEMENT_TIMEOUT_MS = 30_000;

export function composeAdmin(): AdminDeps {
  return {
    environment: undefined,
    migrations: async () => {
      const { databaseUrl } = loadSettings(['DATABASE_URL']);
      return opened({
        up: (onProgress) => migrateUp(databaseUrl, undefined, { onProgress }),
        status: () => migrationStatus(databaseUrl),
      });
    },
    topics: async () => {
      const { kafka, topicPrefix } = openKafka();
      const { inboundPartitionsMin, slotsMax } = loadSettings(['INBOUND_PARTITIONS_MIN', 'SLOTS_MAX']);
      const topics = topicsFor(topicPrefix);
      const admin = new KafkaTopicAdmin({ kafka });
      return opened({
        ensure: async ({ partitions, replicationFactor }) => {
          const reports = await admin.ensureTopics({ topics, inboundPartitions: partitions, replicationFactor });
          return reports.map(({ outcome, ...report }) => ({ ...report, created: outcome === 'created' }));
        },
        check: (warn) => admin.checkTopics({ topics, inboundPartitionsMin, slotsMax, warn }),
      });
    },
    deadLetters: async () => {
      const { kafka, topicPrefix } = openKafka();
      return opened(deadLetterAdmin(new KafkaDeadLetterLog({ kafka }), topicPrefix));
    },
    outbox: async () => {
      const database = openDatabase();
      const store = new PostgresOutboxStore(database, { instance: 'els', leaseMs: 0, retentionMs: 0 });
      return opened(tellingRefusals(store), () => database.close());
    },
    status: async () => {
      const database = openDatabase();
      return opened(tellingRefusals(new PostgresStatusReader(database)), () => database.close());
    },
  };
}

function opened<Port>(port: Port, close: () => Promise<void> = async () => undefined): Opened<Port> {
  return { port, close };
}

/** The port, with what no waiting mends told as such: tables that are missing, a refused login. */
function tellingRefusals<Port extends object>(port: Port): Port {
  return new Proxy(port, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...values: unknown[]) => refusing(async () => Reflect.apply(member, target, values));
    },
  });
}

function openKafka() {
  const settings = loadSettings(KAFKA_SETTINGS);
  const kafka = createKafka({
    brokers: settings.kafkaBrokers,
    clientId: 'els',
    log: createLogger({ level: 'silent', instance: 'els' }),
    security: securityOf(settings),
  });
  return { kafka, topicPrefix: settings.topicPrefix };
}

function openDatabase(): Database {
  const { databaseUrl } = loadSettings(['DATABASE_URL']);
  const timeouts = {
    connectTimeoutMs: 5000,
    lockTimeoutMs: STATEMENT_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    queryTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleInTransactionTimeoutMs: STATEMENT_TIMEOUT_MS,
  };
  const log = createLogger({ level: 'silent', instance: 'els' });
  return new Database({ url: databaseUrl, name: 'els', poolMax: 1, ...timeouts }, new Metrics(), log);
}

function deadLetterAdmin(log: KafkaDeadLetterLog, prefix: string): DeadLetterAdmin {
  const topics = INBOUND.map((name) => topicsFor(prefix)[name]);
  const topicsOf = ({ topic }: DeadLetterFilter) => {
    if (topic === undefined) return topics;
    if (topics.includes(topic)) return [topic];
    throw new AppError('INVALID_INPUT', `there is no topic ${topic}, only ${topics.join(', ')}`);
  };
  return {
    list: async (filter, lettersMax) => {
      const letters: StoredDeadLetter[] = [];
      for (const topic of topicsOf(filter)) {
        if (filter.position !== undefined) {
          const letter = await log.show({ topic, ...filter.position });
          if (letter !== undefined) letters.push(storedLetter(topic, letter));
          continue;
        }
        const reason = filter.reason !== undefined && { reason: filter.reason };
        const found = await log.list({ topic, rowsMax: lettersMax, ...reason });
        letters.push(...found.map((letter) => storedLetter(topic, letter)));
      }
      return letters.slice(-lettersMax);
    },
    replay: async (filter, { dryRun, perSecondMax }) => {
      const total = { matched: 0, replayed: 0 };
      for (const topic of topicsOf(filter)) {
        const { matched, replayed } = await log.replay({
          topic,
          ...(filter.reason !== undefined && { reason: filter.reason }),
          ...(filter.position !== undefined && { offsets: [filter.position.offset] }),
          recordsPerSecond: perSecondMax,
          dryRun,
        });
        total.matched += matched;
        total.replayed += replayed;
      }
      return total;
    },
  };
}

function storedLetter(topic: string, letter: DeadLetterContent): StoredDeadLetter {
  return {
    deadLetterTopic: deadLetterTopic(topic),
    partition: letter.partition,
    offset: letter.offset,
    reason: letter.reason,
    detail: letter.detail,
    topic: letter.originalTopic,
    topicPartition: letter.originalPartition,
    topicOffset: letter.originalOffset,
    attempts: letter.attempts,
    firstSeen: letter.firstSeen,
    instance: letter.instance,
    key: letter.key === null ? null : Buffer.from(letter.key),
    value: letter.value,
  };
}
