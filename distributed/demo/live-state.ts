import type { Admin, Kafka } from 'kafkajs';
import { Client } from 'pg';
import type { WorkerProcess } from '../cluster/worker-process.ts';
import { readLag } from '../outcome/quiescence.ts';

/** How far the service is, for people to watch. Nothing here is judged: the verdict reads the truth afterwards. */
export interface LiveState {
  readonly announced: number;
  readonly open: number;
  readonly complete: number;
  readonly filled: number;
  readonly burnt: number;
  readonly excess: number;
  readonly pending: number;
  readonly unpublished: number;
  readonly duplicates: number;
  readonly lag: number;
  /** Slots taken by each worker. */
  readonly shares: ReadonlyMap<string, number>;
}

export type Counts = Omit<LiveState, 'duplicates' | 'lag' | 'shares'>;

/** Totals over all tables as one row of `Counts`. */
export const COUNTS = `
  select count(*) filter (where state = 'announced')::int as announced,
         count(*) filter (where state = 'open')::int as open,
         count(*) filter (where state = 'complete')::int as complete,
         coalesce(sum(filled_count), 0)::int as filled,
         coalesce(sum(failed_count), 0)::int as burnt,
         (select count(*)::int from excess_contents) as excess,
         (select count(*)::int from pending_inputs) as pending,
         (select count(*)::int from outbox where published_at is null and not dead) as unpublished
    from batches`;

const SHARES = 'select assigned_by as name, count(*)::int as taken from slots where assigned_by is not null group by 1';

export class LiveStateReader {
  private readonly client: Client;
  private readonly admin: Admin;
  private readonly group: string;
  private readonly topics: readonly string[];
  private readonly workers: readonly WorkerProcess[];
  /** Per process id, because a restarted worker counts from zero again. */
  private readonly duplicatesByProcess = new Map<number, number>();

  constructor(options: {
    databaseUrl: string;
    kafka: Kafka;
    consumerGroup: string;
    topics: readonly string[];
    workers: readonly WorkerProcess[];
  }) {
    this.client = new Client({ connectionString: options.databaseUrl, application_name: 'demo-watch' });
    this.admin = options.kafka.admin();
    this.group = options.consumerGroup;
    this.topics = options.topics;
    this.workers = options.workers;
  }

  async connect(): Promise<void> {
    // A connection that breaks shows as a failed read; unhandled it would end the demo.
    this.client.on('error', () => {});
    await Promise.all([this.client.connect(), this.admin.connect()]);
  }

  async read(): Promise<LiveState> {
    const [lag] = await Promise.all([readLag(this.admin, this.group, this.topics), this.scrapeDuplicates()]);
    const counts = (await this.client.query<Counts>(COUNTS)).rows[0];
    const shares = (await this.client.query<{ name: string; taken: number }>(SHARES)).rows;
    const duplicates = [...this.duplicatesByProcess.values()].reduce((sum, count) => sum + count, 0);
    return {
      ...(counts ?? NOTHING),
      duplicates,
      lag,
      shares: new Map(shares.map(({ name, taken }) => [name, taken])),
    };
  }

  /** True when the group has members that hold partitions. */
  async isGroupStable(): Promise<boolean> {
    const { groups } = await this.admin.describeGroups([this.group]);
    const [group] = groups;
    return group?.state === 'Stable' && group.members.length > 0;
  }

  /** When the last outbox row was published, on this machine's clock. */
  async lastPublishedAtMs(): Promise<number | null> {
    const askedAtMs = Date.now();
    const { rows } = await this.client.query<{ last: number | null; now: number }>(
      `select (extract(epoch from max(published_at)) * 1000)::float8 as last,
              (extract(epoch from clock_timestamp()) * 1000)::float8 as now
         from outbox`,
    );
    const [row] = rows;
    const clockAheadMs = (row?.now ?? askedAtMs) - (askedAtMs + Date.now()) / 2;
    return row === undefined || row.last === null ? null : row.last - clockAheadMs;
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.client.end(), this.admin.disconnect()]);
  }

  private async scrapeDuplicates(): Promise<void> {
    await Promise.all(
      this.workers.map(async (worker) => {
        const { pid } = worker;
        const body = pid === undefined ? null : await worker.get('/metrics');
        if (pid !== undefined && body !== null) {
          this.duplicatesByProcess.set(pid, sumOfSamples(body, 'els_inputs_total', 'disposition="duplicate"'));
        }
      }),
    );
  }
}

const NOTHING: Counts = {
  announced: 0,
  open: 0,
  complete: 0,
  filled: 0,
  burnt: 0,
  excess: 0,
  pending: 0,
  unpublished: 0,
};

/** Adds up the samples of one metric in Prometheus text whose labels contain the given pair. */
export function sumOfSamples(metricsText: string, metric: string, label: string): number {
  let sum = 0;
  for (const line of metricsText.split('\n')) {
    if (line.startsWith(`${metric}{`) && line.includes(label)) {
      sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
  }
  return sum;
}
