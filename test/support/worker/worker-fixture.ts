import { Kafka, logLevel } from 'kafkajs';
import { Client, type QueryResultRow } from 'pg';
import { deadLetterTopic, INBOUND, OUTBOUND, topicsFor } from '../../../src/contract/topics.ts';
import { KafkaTopicAdmin } from '../../../src/kafka/topic-admin.ts';
import { createTestDatabase, kafkaBrokers, redisUrlForFile, uniqueTopicPrefix } from '../servers/servers.ts';
import { endsOf, type SentRecord, sendRecords, TopicTail } from '../servers/topic-tail.ts';
import { waitFor } from '../wait-for.ts';
import { WireInputs } from './wire-inputs.ts';
import { WorkerProgram } from './worker-program.ts';

const DEADLINE_MS = 30_000;
/** Of a worker's log, where it explains a failure. */
const LOG_LENGTH_SHOWN = 20_000;

/**
 * Short limits, so that what a dead worker holds comes free soon. They keep the order the start asks for; six seconds
 * is the shortest session a worker takes.
 */
const QUICK: Readonly<Record<string, string>> = {
  LOCK_TIMEOUT_MS: '1500',
  STATEMENT_TIMEOUT_MS: '2500',
  QUERY_TIMEOUT_MS: '3000',
  IDLE_IN_TRANSACTION_TIMEOUT_MS: '4000',
  OUTBOX_LEASE_MS: '3500',
  OUTBOX_POLL_INTERVAL_MS: '200',
  KAFKA_SESSION_TIMEOUT_MS: '6000',
  KAFKA_REBALANCE_TIMEOUT_MS: '8000',
  FETCH_WAIT_MAX_MS: '50',
};

export interface WorkerFixtureOptions {
  readonly inboundPartitions: number;
  /** Instead of a database of the run's server. */
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
}

/**
 * One deployment of the service on the servers of the run: database, topics, group, any number of worker processes, and
 * an outsider's view of what goes in and comes out. `close` ends every process that is left.
 */
export class WorkerFixture {
  readonly prefix = uniqueTopicPrefix();
  readonly topics = topicsFor(this.prefix);
  readonly group = `${this.prefix}workers`;
  readonly kafka = new Kafka({ brokers: kafkaBrokers(), clientId: 'outsider', logLevel: logLevel.NOTHING });
  readonly inputs = new WireInputs(this.topics);
  readonly inbound = INBOUND.map((name) => this.topics[name]);
  readonly tail = new TopicTail(this.kafka, {
    groupId: `${this.prefix}tail`,
    topics: [...OUTBOUND.map((name) => this.topics[name]), ...this.inbound.map(deadLetterTopic)],
  });
  private readonly admin = this.kafka.admin();
  databaseUrl = '';
  redisUrl = '';
  private readonly programs: WorkerProgram[] = [];
  private readonly cleanups: (() => Promise<unknown>)[] = [];

  static async open(options: WorkerFixtureOptions): Promise<WorkerFixture> {
    const fixture = new WorkerFixture();
    try {
      await Promise.all([fixture.openDatabase(options), fixture.openTopics(options)]);
      fixture.redisUrl = options.redisUrl ?? (await redisUrlForFile());
      return fixture;
    } catch (error) {
      await fixture.close();
      throw error;
    }
  }

  private async openDatabase({ databaseUrl }: WorkerFixtureOptions): Promise<void> {
    if (databaseUrl !== undefined) {
      this.databaseUrl = databaseUrl;
      return;
    }
    const database = await createTestDatabase();
    this.databaseUrl = database.databaseUrl;
    this.cleanups.push(() => database.drop());
  }

  private async openTopics({ inboundPartitions }: WorkerFixtureOptions): Promise<void> {
    await new KafkaTopicAdmin({ kafka: this.kafka }).ensureTopics({ topics: this.topics, inboundPartitions });
    this.cleanups.push(
      () => this.tail.close(),
      () => this.admin.disconnect(),
    );
    await Promise.all([this.tail.open(), this.admin.connect()]);
  }

  /** The settings of a process of this deployment. */
  env(): Record<string, string> {
    return {
      ...QUICK,
      DATABASE_URL: this.databaseUrl,
      KAFKA_BROKERS: kafkaBrokers().join(','),
      REDIS_URL: this.redisUrl,
      TOPIC_PREFIX: this.prefix,
      CONSUMER_GROUP: this.group,
    };
  }

  /** A worker that has begun to start. Its program is the product's, or one that puts faults into it. */
  launch(
    instance: string,
    options: { env?: Record<string, string>; program?: string; cwd?: string } = {},
  ): WorkerProgram {
    const env = { ...this.env(), INSTANCE_ID: instance, HTTP_PORT: '0', ...options.env };
    const program = new WorkerProgram(options.program ?? 'src/bin/worker.ts', env, options.cwd);
    this.programs.push(program);
    return program;
  }

  async launchReady(...launch: Parameters<WorkerFixture['launch']>): Promise<WorkerProgram> {
    const program = this.launch(...launch);
    await program.ready();
    return program;
  }

  async send(records: readonly SentRecord[]): Promise<void> {
    await sendRecords(this.kafka, records);
  }

  /** Where the group would go on, by `topic/partition`, of the partitions that have records. */
  async offsets(): Promise<Map<string, { committed: number; end: number }>> {
    const nameOf = (topic: string, partition: number) => `${topic}/${partition}`;
    const [ends, found] = await Promise.all([
      endsOf(this.admin, this.inbound),
      this.admin.fetchOffsets({ groupId: this.group, topics: this.inbound }),
    ]);
    const committed = new Map(
      found.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }) => [nameOf(topic, partition), Math.max(0, Number(offset))] as const),
      ),
    );
    return new Map(
      ends
        .filter(({ end }) => end > 0)
        .map(({ topic, partition, end }) => {
          const name = nameOf(topic, partition);
          return [name, { committed: committed.get(name) ?? 0, end }];
        }),
    );
  }

  /** Sets the group back to the first record of every topic: one without offsets begins there. No worker may run. */
  async rewind(): Promise<void> {
    await this.admin.deleteGroups([this.group]);
  }

  /** No record left to resolve and no event left to publish. */
  async settled(deadlineMs = DEADLINE_MS): Promise<void> {
    const isRead = async () => [...(await this.offsets()).values()].every(({ committed, end }) => committed === end);
    const isPublished = async () => (await this.count('outbox where published_at is null')) === 0;
    try {
      await waitFor(isRead, { deadlineMs, what: 'lag 0' });
      await waitFor(isPublished, { deadlineMs, what: 'an outbox without unpublished rows' });
    } catch (error) {
      const logs = this.programs.map(({ stdout, stderr }) => `${stdout.slice(-LOG_LENGTH_SHOWN)}${stderr}`);
      throw new Error(`not settled, the workers say: ${logs.join('\n')}`, { cause: error });
    }
  }

  /** Of one topic, parsed, in the order written per partition. Copies are copies. */
  async events(topic: string): Promise<{ event_id: string; data: Record<string, unknown> }[]> {
    const records = await this.tail.complete();
    return records.filter((record) => record.topic === topic).map(({ value }) => JSON.parse(String(value)));
  }

  async sql<Row extends QueryResultRow>(
    statement: string,
    values: unknown[] = [],
    databaseUrl = this.databaseUrl,
  ): Promise<Row[]> {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      return (await client.query<Row>(statement, values)).rows;
    } finally {
      await client.end();
    }
  }

  async count(from: string): Promise<number> {
    const [row] = await this.sql<{ count: number }>(`select count(*)::int as count from ${from}`);
    return row?.count ?? 0;
  }

  /** Changes when anything does that the service has decided. Times and owners of publication are not decisions. */
  async digest(): Promise<string> {
    const tables = ['batches', 'slots', 'pending_inputs', 'excess_contents', 'failures'];
    const parts = tables.map((table) => `select '${table}' as name, t::text as line from ${table} t`);
    parts.push(`select 'outbox', id || messages from outbox`);
    const [row] = await this.sql<{ digest: string }>(
      `select md5(string_agg(name || line, E'\\n' order by name, line)) as digest from (${parts.join(' union all ')}) lines`,
    );
    return row?.digest ?? '';
  }

  async close(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.end()));
    await Promise.allSettled(this.cleanups.map((cleanup) => cleanup()));
  }
}
