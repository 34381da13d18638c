/**
 * One necessary step by itself, as fast as the libraries allow: what no whole can beat. Each is a program that says
 * `begin` when it begins, `end` when it has ended, and waits to be stopped.
 */
import { join } from 'node:path';
import { withClient } from '../../cluster/databases.ts';
import { productEnv } from '../../cluster/product.ts';
import { type Arena, readEnds } from '../arena.ts';
import type { Contestant, Drain, Timing } from '../contestant.ts';
import { Programs } from '../programs.ts';
import type { Stopwatch } from '../stopwatch.ts';

export interface FloorOptions extends Pick<Contestant, 'name' | 'about' | 'root'> {
  /** In distributed/bench/programs. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** Share of the backlog that it drains. */
  readonly share: number;
  readonly logFolder: string;
  verify(arena: Arena, inputs: number): Promise<string[]>;
}

export function floorContestant(options: FloorOptions): Contestant {
  const { name, about, root, share } = options;
  const inputsOf = ({ contents }: Arena['backlog']) => Math.ceil(contents.length * share);
  return {
    name,
    kind: 'floor',
    about,
    workers: 1,
    root,
    inputsOf,
    prepare: async (arena) => new FloorDrain(options, arena, inputsOf(arena.backlog)),
    verify: (arena) => options.verify(arena, inputsOf(arena.backlog)),
  };
}

class FloorDrain implements Drain {
  private readonly options: FloorOptions;
  private readonly arena: Arena;
  private readonly inputs: number;
  private readonly programs = new Programs();

  constructor(options: FloorOptions, arena: Arena, inputs: number) {
    this.options = options;
    this.arena = arena;
    this.inputs = inputs;
  }

  async run(stopwatch: Stopwatch): Promise<Timing> {
    const { name, root, program, env, logFolder } = this.options;
    const { programs, arena } = this;
    const file = join(root, 'distributed/bench/programs', program);
    const spec = {
      name,
      command: [process.execPath, '--import', 'tsx', file] as const,
      cwd: root,
      env: {
        ...productEnv(arena.addresses),
        BENCH_BACKLOG: JSON.stringify(arena.backlog.shape),
        BENCH_INPUTS: String(this.inputs),
        ...env,
      },
    };
    programs.start([spec], logFolder, true);
    let beganAtMs: number | null = null;
    for await (const line of programs.lines()) {
      if (line === 'begin') {
        await stopwatch.begin(programs.pids);
        beganAtMs = performance.now();
        programs.proceed();
      }
      if (line !== 'end' || beganAtMs === null) continue;
      const elapsedMs = performance.now() - beganAtMs;
      await stopwatch.end(programs.pids);
      return { elapsedMs, steadyPerSecond: null, peakRssBytes: await programs.peakRssBytes() };
    }
    throw new Error(`${name} ended before its work was done, see ${logFolder}/${name}.log`);
  }

  stop(): Promise<void> {
    return this.programs.stop();
  }
}

/** Nothing is left behind by who only reads. */
export async function nothingToVerify(): Promise<string[]> {
  return [];
}

export function verifyFilledSlots(arena: Arena, inputs: number): Promise<string[]> {
  return withClient(arena.addresses.databaseUrl, 'bench', async (client) => {
    const { rows } = await client.query<{ count: number }>(
      `select count(distinct (batch_id, text_storage_id))::int as count from slots where status = 'filled'`,
    );
    const filled = rows[0]?.count ?? 0;
    return filled === inputs ? [] : [`${filled} texts in slots, not ${inputs}`];
  });
}

export async function verifyWrittenEvents(arena: Arena, inputs: number): Promise<string[]> {
  const ends = await readEnds(arena.kafka, [arena.topics.slotAssigned]);
  const written = [...ends].reduce((sum, [name, end]) => sum + end - (arena.outputsFrom.get(name) ?? 0), 0);
  return written === inputs ? [] : [`${written} events written, not ${inputs}`];
}
