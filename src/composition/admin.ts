/** What the operators' commands work on. Each dependency checks the settings it needs when a command opens it. */
import type {
  AdminDeps,
  DeadLetterAdmin,
  DeadLetterFilter,
  Opened,
  ReplayCounts,
  StoredDeadLetter,
} from '../admin/deps.ts';
import { loadSettings } from '../config/config.ts';
import { deadLetterTopic, INBOUND, topicsFor } from '../contract/topics.ts';
import { AppError } from '../errors.ts';
import { createKafka } from '../kafka/client.ts';
import { type DeadLetterContent, KafkaDeadLetterLog, newestOf } from '../kafka/dead-letter-log.ts';
import { KafkaTopicAdmin } from '../kafka/topic-admin.ts';
import { Database, HOT_PLAN_SETTINGS } from '../postgres/database.ts';
import { migrateUp, migrationStatus } from '../postgres/migrate.ts';
import { PostgresOutboxStore } from '../postgres/outbox-store.ts';
import { refusing } from '../postgres/refusal.ts';
import { PostgresStatusReader } from '../postgres/status-reader.ts';
import { createLogger } from '../telemetry/logger.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { batchAdmin } from './batch-admin.ts';
import { DATABASE_SETTINGS, databaseTarget, KAFKA_SETTINGS, kafkaSecurity } from './connections.ts';
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
        const found = await log.list({ topic, rowsMax: lettersMax, ...narrowed(filter) });
        letters.push(...found.map((letter) => storedLetter(topic, letter)));
      }
      return newestOf(letters, lettersMax);
    },
    replay: async (filter, { dryRun, perSecondMax }, onProgress) => {
      let total: ReplayCounts = { matched: 0, replayed: 0, skipped: 0 };
      for (const topic of topicsOf(filter)) {
        const before = total;
        const plus = ({ matched, replayed, skipped }: ReplayCounts): ReplayCounts => ({
          matched: before.matched + matched,
          replayed: before.replayed + replayed,
          skipped: before.skipped + skipped,
        });
        const report = await log.replay({
          topic,
          ...narrowed(filter),
          ...(filter.position !== undefined && { offsets: [filter.position.offset] }),
          recordsPerSecond: perSecondMax,
          dryRun,
          onProgress: (soFar) => onProgress(plus(soFar)),
        });
        total = plus(report);
      }
      return total;
    },
  };
}

function narrowed({ reason, partition, position }: DeadLetterFilter): { reason?: string; partition?: number } {
  const only = position?.partition ?? partition;
  return { ...(reason !== undefined && { reason }), ...(only !== undefined && { partition: only }) };
}

/** Members of their own in a letter. */
const TOLD = ['reason', 'detail', 'topic', 'partition', 'offset', 'attempts', 'first-seen', 'instance'];

function otherHeaders(headers: DeadLetterContent['headers']): StoredDeadLetter['headers'] {
  const others = Object.entries(headers).filter(([name]) => !TOLD.some((told) => name === `dlq-${told}`));
  return Object.fromEntries(
    others.map(([name, value]) => [name, Array.isArray(value) ? value.map(String) : String(value)]),
  );
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
    headers: otherHeaders(letter.headers),
  };
}
