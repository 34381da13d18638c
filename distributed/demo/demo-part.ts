/**
 * The demo as a part of the harness: the same workers, history, collection and judge as any scenario, told in the words
 * of a demo. A backlog is drained without the audit, so that its time is the service's own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { waitForStableGroup } from '../cluster/kafka-client.ts';
import { SESSION_MS } from '../engine/limits.ts';
import { percentileOf } from '../engine/measure/latencies.ts';
import type { PartPlan } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { type Load, planLoad } from '../generator/plan.ts';
import type { DemoOptions } from './demo-options.ts';

const PARTITIONS = 15;
const DOWN_MS = 2_000;
const FREEZE_MS = SESSION_MS * 1.3;
const START_PROGRESS = 0.2;
const LATEST_FAULT_PROGRESS = 0.9;
const POLL_INTERVAL_MS = 50;
const GROUP_POLL_INTERVAL_MS = 25;
const DRAIN_MS_MAX = 600_000;

/** What a demo tells besides its verdict. */
export interface DemoFacts {
  published: number;
  publishMs: number;
  /**
   * Backlog only: from the first members' partitions, as far as we saw them in time, to the last outbox row published.
   */
  drainMs: number | null;
  /** From the last acknowledged input to the moment when nothing was under way. */
  quietAfterMs: number;
  /** From the due time of the input that made a completion possible to the completion's timestamp in Kafka. */
  completions: CompletionLatency | null;
  readonly faults: DemoFault[];
  /** As last seen, for people: the judge counts anew. */
  outcome: { filled: number; burnt: number; excess: number };
  /** Inputs resolved by each worker. */
  shares: Readonly<Record<string, number>>;
  crashes: readonly string[];
}

export interface CompletionLatency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface DemoFault {
  readonly kind: 'kill' | 'pause';
  readonly worker: string;
  readonly heldMs: number;
  /** How far the load was: a fault after the work is done proves nothing. */
  readonly progress: number;
}

export function demoPart(options: DemoOptions): { readonly plan: PartPlan; readonly load: Load; facts: DemoFacts } {
  const load = planLoad(options.load);
  const facts: DemoFacts = {
    published: 0,
    publishMs: 0,
    drainMs: null,
    quietAfterMs: 0,
    completions: null,
    faults: [],
    outcome: { filled: 0, burnt: 0, excess: 0 },
    shares: {},
    crashes: [],
  };
  const plan: PartPlan = {
    name: options.backlog ? 'backlog' : 'load',
    workers: options.workers,
    partitions: PARTITIONS,
    audit: !options.backlog,
    // A backlog's time is the workers' own.
    isWatchable: options.gateway && !options.backlog,
    options: { ...options.load, backlog: options.backlog, killOne: options.killOne, pauseOne: options.pauseOne },
    // A worker that was frozen may find itself out of its consumer group and leave; that is its duty, not a fault.
    exitsAllowed: options.pauseOne,
    run: (stage) => new DemoScript(options, load, facts, stage).run(),
  };
  return { plan, load, facts };
}

class DemoScript {
  private readonly options: DemoOptions;
  private readonly load: Load;
  private readonly facts: DemoFacts;
  private readonly stage: Stage;

  constructor(options: DemoOptions, load: Load, facts: DemoFacts, stage: Stage) {
    this.options = options;
    this.load = load;
    this.facts = facts;
    this.stage = stage;
  }

  async run(): Promise<void> {
    const { stage, facts } = this;
    if (this.options.backlog) await this.drainBacklog();
    else await this.sendLive();
    await stage.readWorkers();
    const { filled = 0, burnt = 0, excess = 0, shares } = stage.deps.sampler.lastState ?? {};
    facts.outcome = { filled, burnt, excess };
    facts.shares = Object.fromEntries(shares ?? []);
    facts.crashes = stage.deps.cluster.crashes;
    this.judgeFaultTimes();
  }

  private async sendLive(): Promise<void> {
    const { stage, facts } = this;
    await stage.startWorkers();
    stage.beginLoad();
    const [sent] = await Promise.all([stage.send(this.load), this.runFaults()]);
    this.noteSent(sent);
    const { quietSinceMs } = await stage.quiesce();
    facts.quietAfterMs = Math.max(0, quietSinceMs - (sent.startedAtMs + sent.elapsedMs));
    stage.afterwards(({ latencies: { completion } }) => {
      const at = (percentile: number) => percentileOf(completion, percentile) ?? 0;
      const count = completion.total().totalCount;
      if (count > 0) facts.completions = { count, p50Ms: at(50), p95Ms: at(95), p99Ms: at(99), maxMs: at(100) };
    });
  }

  private async drainBacklog(): Promise<void> {
    const { stage, facts } = this;
    stage.beginLoad();
    this.noteSent(await stage.send(this.load));
    await stage.deps.cluster.start();
    const fromMs = await untilFirstMembers(stage);
    await Promise.all([stage.untilDrained(DRAIN_MS_MAX), this.runFaults()]);
    stage.signal.throwIfAborted();
    await stage.deps.cluster.waitReady(stage.signal);
    await stage.quiesce();
    const outbox = await outboxTimes(stage.deps.sandbox.addresses.databaseUrl);
    // On a busy machine the first rows can be there before Kafka has told us of the members.
    facts.drainMs = outbox === null ? null : outbox.lastPublishedMs - Math.min(fromMs, outbox.firstCreatedMs);
  }

  private noteSent({ published, elapsedMs }: { published: number; elapsedMs: number }): void {
    this.facts.published = published;
    this.facts.publishMs = elapsedMs;
  }

  private async runFaults(): Promise<void> {
    const { killOne, pauseOne } = this.options;
    const { workers } = this.stage.deps.cluster;
    await Promise.all([
      killOne ? this.runFault('kill', 0, DOWN_MS) : undefined,
      pauseOne ? this.runFault('pause', workers.length - 1, FREEZE_MS) : undefined,
    ]);
  }

  private async runFault(kind: DemoFault['kind'], target: number, holdMs: number): Promise<void> {
    const { stage, facts } = this;
    let progress = await this.progress();
    while (progress < START_PROGRESS) {
      await sleep(POLL_INTERVAL_MS, undefined, { signal: stage.signal });
      progress = await this.progress();
    }
    const fromMs = performance.now();
    const [injected] = await stage.inject([{ kind: `worker-${kind}`, atMs: 0, holdMs, target }]);
    if (injected === undefined) return;
    facts.faults.push({ kind, worker: injected.target, heldMs: performance.now() - fromMs, progress });
  }

  /** Share of the inputs resolved so far, 0 to 1. */
  private async progress(): Promise<number> {
    await this.stage.readWorkers();
    const resolved = this.stage.deps.sampler.readings.sum('els_inputs_total');
    return resolved / this.load.manifest.totals.inputs;
  }

  private judgeFaultTimes(): void {
    const { faults } = this.facts;
    if (faults.length === 0) return;
    const late = faults.filter(({ progress }) => progress >= LATEST_FAULT_PROGRESS);
    this.stage.findings.check({
      id: 'mid-load',
      title: 'Every fault struck in mid-load',
      verdict: late.length === 0 ? true : 'unknown',
      judged: faults.length,
      message: late
        .map(({ kind, worker, progress }) => `${kind} of ${worker} at ${Math.round(progress * 100)} %`)
        .join(', '),
    });
  }
}

/** Returns when the first members hold partitions, which is just before their first fetch. */
async function untilFirstMembers(stage: Stage): Promise<number> {
  const { kafka, sandbox } = stage.deps;
  await waitForStableGroup(kafka, {
    groupId: sandbox.addresses.consumerGroup,
    isEnough: (members) => members > 0,
    failure: 'no worker joined its consumer group',
    intervalMs: GROUP_POLL_INTERVAL_MS,
    signal: stage.signal,
  });
  return Date.now();
}

/** When the first outbox row was written and the last one published, on this machine's clock. */
async function outboxTimes(databaseUrl: string): Promise<{ firstCreatedMs: number; lastPublishedMs: number } | null> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'demo' });
  await client.connect();
  try {
    const askedAtMs = Date.now();
    const { rows } = await client.query<{ first: number | null; last: number | null; now: number }>(
      `select (extract(epoch from min(created_at)) * 1000)::float8 as first,
              (extract(epoch from max(published_at)) * 1000)::float8 as last,
              (extract(epoch from clock_timestamp()) * 1000)::float8 as now
         from outbox`,
    );
    const [row] = rows;
    if (row === undefined || row.first === null || row.last === null) return null;
    const clockAheadMs = row.now - (askedAtMs + Date.now()) / 2;
    return { firstCreatedMs: row.first - clockAheadMs, lastPublishedMs: row.last - clockAheadMs };
  } finally {
    await client.end();
  }
}
