/** What `els doctor` looks at, from the settings outwards. Each look opens its own connections and closes them. */
import type { Finding, Probe } from '../admin/deps.ts';
import { configWarnings, loadConfig, loadSettings } from '../config/config.ts';
import { topicsFor } from '../contract/topics.ts';
import { AppError } from '../errors.ts';
import { createKafka } from '../kafka/client.ts';
import { describeGroup } from '../kafka/group-look.ts';
import { KafkaTopicAdmin } from '../kafka/topic-admin.ts';
import { Database } from '../postgres/database.ts';
import { migrationStatus } from '../postgres/migrate.ts';
import { refusalOf } from '../postgres/refusal.ts';
import { checkGuards, checkRights, checkServer } from '../postgres/schema-check.ts';
import { createRedisClient } from '../redis/redis-client.ts';
import { createLogger } from '../telemetry/logger.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { VERSION } from '../version.ts';
import { DATABASE_SETTINGS, databaseTarget, KAFKA_SETTINGS, kafkaSecurity, redisTarget } from './connections.ts';

const ANSWER_MS_MAX = 5_000;
const REDIS_SETTINGS = [
  'REDIS_URL',
  'REDIS_SENTINEL_NAME',
  'REDIS_SENTINEL_USERNAME',
  'REDIS_SENTINEL_PASSWORD',
  'REDIS_CLUSTER',
  'REDIS_CA_FILE',
  'REDIS_CERT_FILE',
  'REDIS_KEY_FILE',
  'REDIS_SERVER_NAME',
] as const;
const REDIS_MEND = 'start Redis, or correct REDIS_URL (els config print)';
const CHECK_SETTINGS = 'els config help, then els config check';

type Tell = (finding: Finding) => void;

export function doctorProbes(): readonly Probe[] {
  const startOr = (server: string, setting: string) => `start ${server}, or correct ${setting} (els config print)`;
  const database = startOr('PostgreSQL', 'DATABASE_URL');
  const kafka = startOr('Kafka', 'KAFKA_BROKERS');
  return [
    { about: 'versions', mend: CHECK_SETTINGS, alsoAbout: [], look: lookAtVersions },
    { about: 'settings', mend: CHECK_SETTINGS, alsoAbout: [], look: lookAtSettings },
    { about: 'database', mend: database, alsoAbout: ['tables', 'rights'], look: lookAtDatabase },
    { about: 'kafka', mend: kafka, alsoAbout: ['topics', 'consumer group'], look: lookAtKafka },
    { about: 'redis', mend: REDIS_MEND, alsoAbout: [], look: lookAtRedis },
  ];
}

async function lookAtVersions(tell: Tell): Promise<void> {
  tell(ok('versions', `els ${VERSION} on Node.js ${process.versions.node}`));
}

async function lookAtSettings(tell: Tell): Promise<void> {
  for (const text of configWarnings()) tell({ about: 'settings', state: 'warning', text, mend: 'els config help' });
  try {
    loadConfig();
    tell(ok('settings', 'valid'));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    for (const text of error.message.split('\n')) {
      tell({ about: 'settings', state: 'failed', text, mend: CHECK_SETTINGS });
    }
  }
}

async function lookAtDatabase(tell: Tell, signal: AbortSignal): Promise<void> {
  const database = openDatabase();
  try {
    await seeServer(database, tell);
    // Of tables that are not there neither indexes nor rights can be seen.
    if (!(await seeTables(database, tell, signal))) return;
    const problems = await checkRights(database);
    const [row] = await database.run<{ user: string }>({ name: 'who', text: 'select current_user as user' }, []);
    const user = row?.user ?? '';
    for (const text of problems) tell({ about: 'rights', state: 'failed', text, mend: grantFor(text, user) });
    if (problems.length === 0) tell(ok('rights', `${user} may do what a worker does`));
  } catch (error) {
    throw refusalOf(error) ?? error;
  } finally {
    await database.close();
  }
}

async function seeServer(database: Database, tell: Tell): Promise<void> {
  const problems = await checkServer(database);
  const mend = 'mend it in postgresql.conf, then select pg_reload_conf()';
  for (const text of problems) tell({ about: 'database', state: 'failed', text, mend });
  const version = { name: 'server-version', text: `select current_setting('server_version') as version` };
  const [row] = await database.run<{ version: string }>(version, []);
  if (problems.length === 0) tell(ok('database', `PostgreSQL ${row?.version}`));
}

async function seeTables(database: Database, tell: Tell, signal: AbortSignal): Promise<boolean> {
  const about = 'tables';
  const { applied, pending } = await migrationStatus(
    databaseTarget(loadSettings(DATABASE_SETTINGS)),
    undefined,
    signal,
  );
  if (pending.length > 0) {
    const text = `${pending.length} migrations are not applied, the first is ${pending[0]}`;
    tell({ about, state: 'failed', text, mend: 'els migrate up' });
    return false;
  }
  const problems = await checkGuards(database);
  for (const text of problems) tell({ about, state: 'failed', text, mend: 'create it as migrations/ has it' });
  if (problems.length === 0) tell(ok(about, `${applied.length} migrations applied`));
  return true;
}

/** From the sentence of the check, which names privileges and table. */
function grantFor(problem: string, user: string): string {
  const [, privileges, table] = /no right to (.+) on ([a-z_.]+): /.exec(problem) ?? [];
  if (privileges === 'usage of its sequence') return `grant usage on all sequences in schema public to "${user}"`;
  return `grant ${privileges} on ${table} to "${user}"`;
}

async function lookAtKafka(tell: Tell): Promise<void> {
  const settings = loadSettings([...KAFKA_SETTINGS, 'TOPIC_PREFIX', 'CONSUMER_GROUP']);
  const { inboundPartitionsMin, slotsMax } = loadSettings(['INBOUND_PARTITIONS_MIN', 'SLOTS_MAX']);
  const kafka = createKafka({
    brokers: settings.kafkaBrokers,
    clientId: 'els-doctor',
    log: createLogger({ level: 'silent', instance: 'els' }),
    security: kafkaSecurity(settings),
    requestTimeoutMs: ANSWER_MS_MAX,
    reconnectMsMax: 0,
  });
  const topics = topicsFor(settings.topicPrefix);
  const warnings: string[] = [];
  const warn = (text: string) => warnings.push(text);
  const problems = await new KafkaTopicAdmin({ kafka }).checkTopics({ topics, inboundPartitionsMin, slotsMax, warn });
  tell(ok('kafka', `${settings.kafkaBrokers.join(', ')} answers`));
  for (const text of problems) tell({ about: 'topics', state: 'failed', text, mend: topicMend(text) });
  for (const text of warnings) tell({ about: 'topics', state: 'warning', text, mend: topicMend(text) });
  if (problems.length + warnings.length === 0) tell(ok('topics', 'are as they must be'));
  const { state, memberCount } = await describeGroup(kafka, settings.consumerGroup);
  const about = 'consumer group';
  if (memberCount > 0) tell(ok(about, `${settings.consumerGroup} is ${state.toLowerCase()}, ${memberCount} members`));
  else tell({ about, state: 'warning', text: `nobody is in ${settings.consumerGroup}`, mend: 'pnpm worker' });
}

/** The tool of Kafka that mends what the sentence tells. */
function topicMend(problem: string): string {
  const [, topic = '', said = ''] = /^topic (\S+) (.*)$/s.exec(problem) ?? [];
  if (/missing|does not exist/.test(said)) return 'els topics ensure';
  if (said.includes('partitions,')) return `kafka-topics.sh --alter --topic ${topic} --partitions <count>`;
  if (said.includes('replicas:')) return 'kafka-reassign-partitions.sh --execute --reassignment-json-file <file>';
  if (said.includes('grant'))
    return `kafka-acls.sh --add --topic ${topic} --operation <Read|Write> --allow-principal <user>`;
  const setting = /([a-z.]+\.[a-z.]+)/.exec(said)?.[1];
  if (topic === '' || setting === undefined) return 'els topics check';
  return `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${setting}=<value>`;
}

async function lookAtRedis(tell: Tell): Promise<void> {
  const settings = loadSettings(REDIS_SETTINGS);
  const client = createRedisClient(redisTarget(settings), ANSWER_MS_MAX);
  client.on('error', () => undefined);
  try {
    await client.connect();
    const version = /redis_version:(\S+)/.exec(await client.info('server'))?.[1];
    tell(ok('redis', version === undefined ? 'answers' : `Redis ${version}`));
  } catch (error) {
    const text = `does not serve (${error instanceof Error ? error.message : error}): slower, and nothing else`;
    tell({ about: 'redis', state: 'warning', text, mend: REDIS_MEND });
  } finally {
    client.disconnect();
  }
}

function openDatabase(): Database {
  const limits = {
    connectTimeoutMs: ANSWER_MS_MAX,
    lockTimeoutMs: ANSWER_MS_MAX,
    statementTimeoutMs: ANSWER_MS_MAX,
    queryTimeoutMs: ANSWER_MS_MAX,
    idleInTransactionTimeoutMs: ANSWER_MS_MAX,
  };
  const target = { url: databaseTarget(loadSettings(DATABASE_SETTINGS)), name: 'els-doctor', poolMax: 1 };
  return new Database({ ...target, ...limits }, new Metrics(), createLogger({ level: 'silent', instance: 'els' }));
}

function ok(about: string, text: string): Finding {
  return { about, state: 'ok', text, mend: null };
}
