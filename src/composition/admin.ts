/** What the operators' commands work on. Each dependency checks the settings it needs when a command opens it. */
import type { AdminDeps, Opened } from '../admin/deps.ts';
import { loadSettings } from '../config/config.ts';
import { topicsFor } from '../contract/topics.ts';
import { createKafka } from '../kafka/client.ts';
import { KafkaDeadLetterLog } from '../kafka/dead-letter-log.ts';
import { KafkaTopicAdmin } from '../kafka/topic-admin.ts';
import { Database, HOT_PLAN_SETTINGS } from '../postgres/database.ts';
import { migrateUp, migrationStatus } from '../postgres/migrate.ts';
import { PostgresOutboxStore } from '../postgres/outbox-store.ts';
import { refusing } from '../postgres/refusal.ts';
import { PostgresStatusReader } from '../postgres/status-reader.ts';
import { createLogger } from '../telemetry/logger.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { DECODE_LIMITS } from '../worker/settle/decode.ts';
import { batchAdmin } from './batch-admin.ts';
import { DATABASE_SETTINGS, databaseTarget, KAFKA_SETTINGS, kafkaSecurity } from './connections.ts';
import { deadLetterAdmin } from './dead-letter-admin.ts';
import { doctorProbes } from './doctor.ts';

const STATEMENT_TIMEOUT_MS = 30_000;

export function composeAdmin(): AdminDeps {
  return {
    environment: undefined,
    migrations: async () => {
      const target = databaseTarget(loadSettings(DATABASE_SETTINGS));
      return opened({
        up: (onProgress) => migrateUp(target, undefined, { onProgress }),
        status: () => migrationStatus(target),
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
      const { slotsMax, valueBytesMax } = loadSettings(['SLOTS_MAX', 'VALUE_BYTES_MAX']);
      const limits = { ...DECODE_LIMITS, slotsMax, valueBytesMax };
      return opened(deadLetterAdmin(new KafkaDeadLetterLog({ kafka }), topicPrefix, limits));
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
    probes: doctorProbes(),
    batches: async () => {
      const { topicPrefix } = loadSettings(['TOPIC_PREFIX']);
      const database = openDatabase(HOT_PLAN_SETTINGS);
      return opened(batchAdmin(database, topicPrefix), () => database.close());
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
  const settings = loadSettings([...KAFKA_SETTINGS, 'TOPIC_PREFIX']);
  const kafka = createKafka({
    brokers: settings.kafkaBrokers,
    clientId: 'els',
    log: createLogger({ level: 'silent', instance: 'els' }),
    security: kafkaSecurity(settings),
  });
  return { kafka, topicPrefix: settings.topicPrefix };
}

function openDatabase(sessionSettings: Readonly<Record<string, string>> = {}): Database {
  const target = databaseTarget(loadSettings(DATABASE_SETTINGS));
  const timeouts = {
    connectTimeoutMs: 5000,
    lockTimeoutMs: STATEMENT_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    queryTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleInTransactionTimeoutMs: STATEMENT_TIMEOUT_MS,
  };
  const log = createLogger({ level: 'silent', instance: 'els' });
  return new Database({ url: target, name: 'els', poolMax: 1, sessionSettings, ...timeouts }, new Metrics(), log);
}
