/**
 * Whoever does the whole work: processes of one consumer group that give the contents of Kafka their slots in PostgreSQL
 * and announce them in Kafka. Time and cost count from the moment the group has its first stable member, so that no
 * start-up is measured, to the last event in Kafka.
 */
import { Client } from 'pg';
import { waitForStableGroup } from '../../cluster/kafka-client.ts';
import { productEnv } from '../../cluster/product.ts';
import type { Arena } from '../arena.ts';
import type { Contestant, Drain, Timing } from '../contestant.ts';
import { judgeOutcome, type Placement } from '../outcome.ts';
import { type Output, readOutputs, steadyRate, untilWritten } from '../outputs.ts';
import { Programs } from '../programs.ts';
import type { Stopwatch } from '../stopwatch.ts';

const GROUP_POLL_INTERVAL_MS = 50;
const STEADY_FROM = 0.15;
const STEADY_TO = 0.9;

export interface WorkersOptions extends Pick<Contestant, 'name' | 'kind' | 'about' | 'workers' | 'root'> {
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly logFolder: string;
  readonly signal: AbortSignal;
}

export function workersContestant(options: WorkersOptions): Contestant {
  const { name, kind, about, workers, root } = options;
  return {
    name,
    kind,
    about,
    workers,
    root,
    inputsOf: ({ contents }) => contents.length,
    prepare: async (arena) => new WorkersDrain(options, arena),
    verify: async (arena) => {
      const [tables, outputs] = await Promise.all([readTables(arena), readOutputs(arena)]);
      const { contents, registrations } = arena.backlog;
      const expected = { texts: contents, batchIds: registrations.map(({ batchId }) => batchId) };
      return judgeOutcome(expected, { ...tables, events: outputs.map(({ value }) => value) });
    },
  };
}

class WorkersDrain implements Drain {
  private readonly options: WorkersOptions;
  private readonly arena: Arena;
  private readonly programs = new Programs();

  constructor(options: WorkersOptions, arena: Arena) {
    this.options = options;
    this.arena = arena;
  }

  async run(stopwatch: Stopwatch): Promise<Timing> {
    const { arena, programs } = this;
    this.start();
    await this.untilFirstMember();
    const beganAtMs = Date.now();
    await stopwatch.begin(programs.pids);
    const { contents, registrations } = arena.backlog;
    await untilWritten(arena, contents.length + registrations.length, this.signal);
    await stopwatch.end(programs.pids);
    const peakRssBytes = await programs.peakRssBytes();
    const times = (await readOutputs(arena)).map(({ timestampMs }: Output) => timestampMs);
    return {
      elapsedMs: Math.max(1, (times.at(-1) ?? beganAtMs) - beganAtMs),
      steadyPerSecond: steadyRate(times, STEADY_FROM, STEADY_TO),
      peakRssBytes,
    };
  }

  stop(): Promise<void> {
    return this.programs.stop();
  }

  private get signal(): AbortSignal {
    return AbortSignal.any([this.options.signal, this.programs.failed]);
  }

  private start(): void {
    const { name, workers, command, root, env, logFolder } = this.options;
    const specs = Array.from({ length: workers }, (_, index) => ({
      name: `${name}-${index + 1}`,
      command,
      cwd: root,
      env: {
        ...productEnv(this.arena.addresses),
        LOG_LEVEL: 'warn',
        HTTP_PORT: '0',
        INSTANCE_ID: `bench-${index + 1}`,
        BENCH_WORKERS: String(workers),
        ...env,
      },
    }));
    this.programs.start(specs, logFolder);
  }

  private async untilFirstMember(): Promise<void> {
    const { name } = this.options;
    await waitForStableGroup(this.arena.kafka, {
      groupId: this.arena.addresses.consumerGroup,
      isEnough: (members) => members >= 1,
      failure: `${name} did not join its consumer group`,
      intervalMs: GROUP_POLL_INTERVAL_MS,
      signal: this.signal,
    });
  }
}

async function readTables({ addresses }: Arena): Promise<{ slots: Placement[]; completeBatchIds: string[] }> {
  const client = new Client({ connectionString: addresses.databaseUrl, application_name: 'bench' });
  await client.connect();
  try {
    const slots = await client.query<Placement>(
      `select batch_id as "batchId", text_storage_id as "textStorageId", essay_id as "essayId"
       from slots where status = 'filled'`,
    );
    const batches = await client.query<{ id: string }>(
      `select id from batches where state = 'complete' and open_slots = 0 and filled_count = expected_count`,
    );
    return { slots: slots.rows, completeBatchIds: batches.rows.map(({ id }) => id) };
  } finally {
    await client.end();
  }
}
