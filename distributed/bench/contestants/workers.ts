/**
 * Whoever does the whole work: processes of one consumer group that give the contents of Kafka their slots in PostgreSQL
 * and announce them in Kafka. Time and cost count from the moment the group has its first member, so that no
 * start-up is measured, to the last event in Kafka.
 */
import { withClient } from '../../cluster/databases.ts';
import type { Arena } from '../arena.ts';
import { FINISHED_PREFIX } from '../backlog.ts';
import type { Contestant, Drain, Timing } from '../contestant.ts';
import { judgeOutcome, type Placement } from '../outcome.ts';
import { readOutputs, steadyRate, untilWritten } from '../outputs.ts';
import type { Stopwatch } from '../stopwatch.ts';
import { WorkerGroup, type WorkersOptions } from './worker-group.ts';

const STEADY_FROM = 0.15;
const STEADY_TO = 0.9;

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
    verify: verifyBacklog,
  };
}

/** What was done before the stopwatch began would look like speed. */
export function requireWithin(beganAtMs: number, timesMs: readonly number[]): void {
  const early = timesMs.filter((atMs) => atMs < beganAtMs).length;
  if (early > 0) throw new Error(`${early} of ${timesMs.length} events were written before its time was taken`);
}

/** Of a backlog that was drained to the last content. */
export async function verifyBacklog(arena: Arena): Promise<string[]> {
  const [tables, outputs] = await Promise.all([readTables(arena), readOutputs(arena)]);
  const { contents, registrations } = arena.backlog;
  const expected = { texts: contents, batchIds: registrations.map(({ batchId }) => batchId) };
  return judgeOutcome(expected, { ...tables, events: outputs.map(({ value }) => value) });
}

class WorkersDrain implements Drain {
  private readonly arena: Arena;
  private readonly group: WorkerGroup;

  constructor(options: WorkersOptions, arena: Arena) {
    this.arena = arena;
    this.group = new WorkerGroup(options, arena);
  }

  async run(stopwatch: Stopwatch): Promise<Timing> {
    const { arena, group } = this;
    const { programs } = group;
    group.start();
    await group.untilJoined();
    const beganAtMs = Date.now();
    await stopwatch.begin(programs.pids);
    const { contents, registrations } = arena.backlog;
    await untilWritten(arena, contents.length + registrations.length, group.signal);
    await stopwatch.end(programs.pids);
    const peakRssBytes = await programs.peakRssBytes();
    const times = (await readOutputs(arena)).map(({ timestampMs }) => timestampMs);
    requireWithin(beganAtMs, times);
    return {
      elapsedMs: Math.max(1, (times.at(-1) ?? beganAtMs) - beganAtMs),
      steadyPerSecond: steadyRate(times, STEADY_FROM, STEADY_TO),
      peakRssBytes,
    };
  }

  stop(): Promise<void> {
    return this.group.programs.stop();
  }
}

function readTables({ addresses }: Arena): Promise<{ slots: Placement[]; completeBatchIds: string[] }> {
  return withClient(addresses.databaseUrl, 'bench', async (client) => {
    const slots = await client.query<Placement>(
      `select batch_id as "batchId", text_storage_id as "textStorageId", essay_id as "essayId"
       from slots where status = 'filled' and not starts_with(batch_id, $1)`,
      [FINISHED_PREFIX],
    );
    const batches = await client.query<{ id: string }>(
      `select id from batches
       where state = 'complete' and open_slots = 0 and filled_count = expected_count and not starts_with(id, $1)`,
      [FINISHED_PREFIX],
    );
    return { slots: slots.rows, completeBatchIds: batches.rows.map(({ id }) => id) };
  });
}
