/**
 * A load through real workers on the test stack, collected into a run directory: what the scenarios do, in its shortest
 * form, for the tests of the judge. The caller removes the directory.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { kafkaClient } from '../../../distributed/cluster/kafka-client.ts';
import { judgedEnv, type ProductAddresses, prepareProduct } from '../../../distributed/cluster/product.ts';
import { WorkerCluster } from '../../../distributed/cluster/worker-cluster.ts';
import { installAudit } from '../../../distributed/collect/audit.ts';
import { collectRun } from '../../../distributed/collect/collect-run.ts';
import { waitForQuiescence } from '../../../distributed/engine/measure/quiescence.ts';
import { DEFAULT_LOAD, type LoadOptions } from '../../../distributed/generator/load-options.ts';
import { planLoad } from '../../../distributed/generator/plan.ts';
import { publishLoad } from '../../../distributed/generator/producer.ts';
import { RunDirectory } from '../../../distributed/run/run-directory.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { INBOUND, topicsFor } from '../../../src/contract/topics.ts';
import { kafkaBrokers, redisUrlForFile, uniqueTopicPrefix } from '../servers/servers.ts';
import { waitFor } from '../wait-for.ts';
import { CORRECT_ENVIRONMENT } from './correct-run.ts';

export interface JudgedRunOptions {
  readonly program: string;
  readonly instances: number;
  readonly load: Partial<LoadOptions>;
  /** Records that are no events, sent to the content topic. */
  readonly garbage?: number;
  /** SIGKILL the first worker again and again while it works, this often. */
  readonly kills?: number;
  readonly restMsMax: number;
  /** Settings of the workers. */
  readonly env?: Readonly<Record<string, string>>;
}

const PARTITIONS = 6;
const PREPARE_ATTEMPTS_MAX = 3;

export async function runOnce(options: JudgedRunOptions): Promise<RunDirectory> {
  const database = await createEmptyDatabase();
  const topicPrefix = uniqueTopicPrefix();
  const { databaseUrl } = database;
  const [brokers, redisUrl] = [kafkaBrokers(), await redisUrlForFile()];
  const addresses = {
    databaseUrl,
    kafkaBrokers: brokers,
    redisUrl,
    topicPrefix,
    consumerGroup: `${topicPrefix}workers`,
  };
  const directory = await RunDirectory.create(await mkdtemp(join(tmpdir(), 'els-judged-')), CORRECT_ENVIRONMENT);
  const root = projectRoot();
  await prepare(root, addresses);
  await installAudit(databaseUrl);
  const env = { ...judgedEnv(addresses), KAFKA_SESSION_TIMEOUT_MS: '10000', ...options.env, LOG_LEVEL: 'info' };
  const logFolder = directory.file('logs');
  const { program, instances: workers } = options;
  const cluster = new WorkerCluster({ workers, root, program, envOf: () => env, logFolder, onNote: () => undefined });
  try {
    await send(options, cluster, addresses, directory);
    const topics = topicsFor(topicPrefix);
    const kafka = kafkaClient(brokers, 'judged-run');
    const inbound = INBOUND.map((name) => topics[name]);
    const rest = { stableMs: 1_000, deadlineMs: options.restMsMax };
    await waitForQuiescence({ kafka, databaseUrl, consumerGroup: addresses.consumerGroup, topics: inbound, ...rest });
    const { consumerGroup } = addresses;
    const monoMs = () => performance.now();
    const freeze = () => cluster.stop();
    await collectRun({
      directory,
      freeze,
      kafka,
      topics,
      consumerGroup,
      databaseUrl,
      redisUrl,
      deadlineMs: 60_000,
      monoMs,
    });
    return directory;
  } finally {
    await cluster.stop();
    await database.drop();
  }
}

/** A broker that has just started may refuse for a moment what it has just created. */
async function prepare(root: string, addresses: ProductAddresses): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await prepareProduct(root, addresses, { partitions: PARTITIONS, replicas: 1 });
      return;
    } catch (error) {
      if (attempt === PREPARE_ATTEMPTS_MAX) throw error;
    }
  }
}

/** The product's own command brings the schema, as it would at a user's. */
async function createEmptyDatabase(): Promise<{ databaseUrl: string; drop(): Promise<void> }> {
  const url = new URL(process.env['ELS_TEST_DATABASE_URL'] ?? '');
  const administer = async (statement: string) => {
    const client = new Client({ connectionString: url.href });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  const name = `els_judged_${randomBytes(6).toString('hex')}`;
  await administer(`create database ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { databaseUrl: own.href, drop: () => administer(`drop database if exists ${name} with (force)`) };
}

/** The workers start with the load waiting for them, so that all of them are busy at once. */
async function send(
  options: JudgedRunOptions,
  cluster: WorkerCluster,
  addresses: { readonly kafkaBrokers: readonly string[]; readonly topicPrefix: string },
  directory: RunDirectory,
): Promise<void> {
  const topics = topicsFor(addresses.topicPrefix);
  const kafka = kafkaClient(addresses.kafkaBrokers, 'judged-run');
  await cluster.start();
  for (const worker of cluster.workers) {
    await waitFor(async () => (await worker.get('/ready')) !== null, {
      what: `${worker.name} is ready`,
      deadlineMs: 60_000,
    });
  }
  const load = planLoad({ ...DEFAULT_LOAD, ...options.load });
  const publishing = publishLoad({ kafka, topics, load });
  const faults = directory.faultWriter();
  const [victim] = cluster.workers;
  for (let kill = 0; kill < (options.kills ?? 0) && victim !== undefined; kill++) {
    await sleep(400);
    faults.append({
      monoMs: performance.now(),
      wallMs: Date.now(),
      fault: 'kill',
      target: victim.name,
      phase: 'start',
    });
    await victim.kill();
    await victim.start();
    faults.append({ monoMs: performance.now(), wallMs: Date.now(), fault: 'kill', target: victim.name, phase: 'stop' });
  }
  faults.close();
  await publishing;
  if (options.garbage === undefined) return;
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const messages = Array.from({ length: options.garbage }, (_, index) => ({
    key: `${index}`,
    value: `{"broken": ${index}`,
  }));
  await producer.send({ topic: topics.content, messages });
  await producer.disconnect();
}
