/**
 * Looks at everything once a second while a part runs: CPU and memory of each process, the workers' own metrics, the
 * group's position, the depth of the outbox. Into metrics.jsonl and offsets.jsonl, and as a live state for people. A
 * look that fails is left out; nothing here is judged but counters that only the workers have.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import { Client } from 'pg';
import { type HostUsage, hostUsage, openFiles, type ProcessUsage, processUsage } from '../../cluster/process-usage.ts';
import type { WorkerProcess } from '../../cluster/worker-process.ts';
import { COUNTERS } from '../../judge/races/count-races.ts';
import { COUNTS, type Counts, type LiveState } from '../display/live-state.ts';
import type { Journal } from '../journal.ts';
import type { PartEvents } from '../part-events.ts';
import { OffsetLooks } from './offset-looks.ts';
import { type Sample, sumOf } from './prometheus-text.ts';
import { WorkerReadings } from './worker-readings.ts';

const INTERVAL_MS = 1_000;
const LOOK_MS_MAX = 5_000;
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

export interface SamplerOptions {
  readonly journal: Journal;
  readonly kafka: Kafka;
  readonly databaseUrl: string;
  readonly consumerGroup: string;
  /** Inbound topics. */
  readonly topics: readonly string[];
  readonly workers: readonly WorkerProcess[];
  /** Further processes to look at, by name. */
  readonly others: () => ReadonlyMap<string, number>;
  readonly events: PartEvents;
}

export class Sampler {
  readonly readings = new WorkerReadings();
  lastState: LiveState | null = null;
  /** Share of all cores that were busy, by whomever, per look. */
  readonly hostBusy: number[] = [];
  private readonly options: SamplerOptions;
  private readonly offsetLooks: OffsetLooks;
  private readonly usage = new Map<number, { usage: ProcessUsage; atMs: number }>();
  private readonly resolvedByWorker = new Map<string, number>();
  private host: HostUsage | null = null;
  private client: Client | null = null;
  private admin: Admin | null = null;
  private loop: Promise<void> | null = null;
  private stopping: Promise<void> | null = null;
  private paused = false;
  private looking: Promise<void> = Promise.resolve();

  constructor(options: SamplerOptions) {
    this.options = options;
    this.offsetLooks = new OffsetLooks(options);
  }

  async start(): Promise<void> {
    const admin = this.options.kafka.admin();
    await admin.connect();
    this.admin = admin;
    this.loop = this.run();
  }

  /** Takes a last look and ends. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async end(): Promise<void> {
    await this.loop;
    await this.look();
    await Promise.allSettled([this.client?.end(), this.admin?.disconnect()]);
  }

  /** Looks neither before the work is done nor in the middle of it: offsets may be set back meanwhile. */
  async whilePaused(work: () => Promise<void>): Promise<void> {
    this.paused = true;
    try {
      await this.looking;
      await work();
    } finally {
      this.paused = false;
    }
  }

  private async run(): Promise<void> {
    while (this.stopping === null) {
      const startedAtMs = Date.now();
      if (!this.paused) {
        this.looking = this.look();
        await this.looking;
      }
      await sleep(Math.max(0, INTERVAL_MS - (Date.now() - startedAtMs)));
    }
  }

  async look(): Promise<void> {
    const [counts, lag] = await Promise.all([
      within(this.readCounts()),
      within(this.readOffsets()),
      ...this.options.workers.map((worker) => within(this.readWorker(worker))),
      within(this.readOthers()),
      within(this.readHost()),
    ]);
    const before = this.lastState;
    const state: LiveState = {
      ...(counts ?? before ?? NOTHING),
      lag: lag ?? before?.lag ?? 0,
      duplicates: this.readings.sum('els_inputs_total', 'disposition="duplicate"'),
      shares: new Map(this.resolvedByWorker),
    };
    this.lastState = state;
    this.options.events.emit('state', state);
  }

  private async readWorker(worker: WorkerProcess): Promise<void> {
    const { journal } = this.options;
    const { pid, name } = worker;
    if (pid === undefined) return;
    await this.readUsage(name, pid);
    const files = await openFiles(pid);
    if (files !== null) journal.metric(name, 'open_files', files);
    const samples = await this.readings.read(worker);
    if (samples === null) return;
    const value = (metric: string, label = '') => sumOf(samples, metric, label);
    const inputs = value('els_inputs_total');
    this.resolvedByWorker.set(name, inputs);
    journal.metric(name, 'buffered_records', value('els_intake_buffered_records'));
    journal.metric(name, 'outbox_messages', value('els_outbox_unpublished_messages'));
    journal.metric(name, 'intake_held', value('els_intake_held'));
    journal.metric(name, 'pool_in_use', value('els_database_pool_connections', 'state="active"'));
    journal.metric(name, 'event_loop_lag_seconds', value('els_event_loop_lag_seconds'));
    journal.metric(name, COUNTERS.inputs, inputs);
    journal.metric(name, COUNTERS.busyBatches, value('els_batches_parked_total', 'because="busy"'));
    journal.metric(name, COUNTERS.uniqueConflicts, value('els_database_errors_total', 'sqlstate="23505"'));
    journal.metric(name, COUNTERS.rebalances, value('els_rebalances_total'));
    this.noteHeap(name, samples);
  }

  private noteHeap(name: string, samples: readonly Sample[]): void {
    this.options.journal.metric(name, 'heap_used_bytes', sumOf(samples, 'nodejs_heap_size_used_bytes'));
  }

  private async readUsage(name: string, pid: number): Promise<void> {
    const usage = await processUsage(pid);
    if (usage === null) return;
    const atMs = performance.now();
    const before = this.usage.get(pid);
    this.usage.set(pid, { usage, atMs });
    this.options.journal.metric(name, 'rss_bytes', usage.rssBytes);
    if (before === undefined) return;
    const seconds = (atMs - before.atMs) / 1_000;
    this.options.journal.metric(name, 'cpu_fraction', (usage.cpuSeconds - before.usage.cpuSeconds) / seconds);
  }

  private async readOthers(): Promise<void> {
    for (const [name, pid] of this.options.others()) await this.readUsage(name, pid);
  }

  private async readHost(): Promise<void> {
    const usage = await hostUsage();
    const before = this.host;
    this.host = usage;
    if (usage === null || before === null || usage.totalSeconds === before.totalSeconds) return;
    const busy = (usage.busySeconds - before.busySeconds) / (usage.totalSeconds - before.totalSeconds);
    this.hostBusy.push(busy);
    this.options.journal.metric('run', 'host_busy_fraction', busy);
  }

  private async readCounts(): Promise<Counts> {
    this.client ??= await this.connect();
    try {
      const { rows } = await this.client.query<Counts>(COUNTS);
      const counts = rows[0] ?? NOTHING;
      this.options.journal.metric('run', 'outbox_depth', counts.unpublished);
      return counts;
    } catch (error) {
      // Connected anew at the next look.
      this.client = null;
      throw error;
    }
  }

  private async connect(): Promise<Client> {
    const client = new Client({
      connectionString: this.options.databaseUrl,
      application_name: 'harness-watch',
      query_timeout: LOOK_MS_MAX,
      connectionTimeoutMillis: LOOK_MS_MAX,
    });
    client.on('error', () => {
      this.client = null;
    });
    await client.connect();
    return client;
  }

  private async readOffsets(): Promise<number> {
    return this.admin === null ? 0 : this.offsetLooks.look(this.admin);
  }
}

/** What does not answer in time is left out of this look. */
async function within<T>(work: Promise<T>): Promise<T | null> {
  const timeout = new AbortController();
  const limit = sleep(LOOK_MS_MAX, null, { signal: timeout.signal }).catch(() => null);
  try {
    return await Promise.race([work.catch(() => null), limit]);
  } finally {
    timeout.abort();
  }
}
