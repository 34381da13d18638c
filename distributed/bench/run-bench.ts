/**
 * Runs contestants in turn, round after round, so that whatever the machine does meets all of them alike. Before the
 * first round one of each kind drains a small backlog, to warm the servers; programs are new in every drain. Each drain has an arena of its own and is verified; a
 * contestant that fails has a wrong outcome and does not keep the others from theirs.
 */
import { releasing } from '../engine/releases.ts';
import type { Stack } from '../stack/stack.ts';
import { type Arena, ArenaBuilder } from './arena.ts';
import { type BacklogShape, planBacklog } from './backlog.ts';
import type { Contestant } from './contestant.ts';
import { type Cost, Meter, PROCESS_KINDS } from './meter.ts';
import type { BenchRow, BenchRun } from './results.ts';
import { Stopwatch } from './stopwatch.ts';

const WARM_UP_SHARE = 0.1;
const US_PER_SECOND = 1_000_000;

export interface BenchOptions {
  readonly stack: Stack;
  readonly root: string;
  readonly contestants: readonly Contestant[];
  readonly backlog: BacklogShape;
  readonly repeats: number;
  /** Of peers, which are slow, so many are enough. */
  readonly peerRepeats: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export async function runBench(options: BenchOptions): Promise<BenchRow[]> {
  const { stack, root, contestants, backlog, repeats, peerRepeats, say } = options;
  return releasing(async (releases) => {
    const meter = await Meter.open(stack);
    releases.add(() => meter.close());
    const open = async (shape: BacklogShape) => {
      const builder = await ArenaBuilder.open(stack, root, planBacklog(shape));
      releases.add(() => builder.close());
      await builder.publish();
      return builder;
    };
    const warm = await open({ ...backlog, batches: Math.max(1, Math.round(backlog.batches * WARM_UP_SHARE)) });
    say('warm-up');
    for (const contestant of oneOfEachKind(contestants)) await drainOnce(options, contestant, warm, meter);
    const ground = await open(backlog);
    const runs = new Map<Contestant, BenchRun[]>(contestants.map((contestant) => [contestant, []]));
    for (let repeat = 1; repeat <= repeats; repeat++) {
      for (const contestant of contestants) {
        if (contestant.kind === 'peer' && repeat > peerRepeats) continue;
        const run = await drainOnce(options, contestant, ground, meter);
        runs.get(contestant)?.push(run);
        say(`${repeat}/${repeats} ${contestant.name}: ${describeRun(run)}`);
      }
    }
    const planned = planBacklog(backlog);
    return contestants.map((contestant) => {
      const { name, kind, about, workers } = contestant;
      return { name, kind, about, workers, inputs: contestant.inputsOf(planned), runs: runs.get(contestant) ?? [] };
    });
  });
}

function oneOfEachKind(contestants: readonly Contestant[]): Contestant[] {
  return [...new Map(contestants.map((contestant) => [contestant.kind, contestant])).values()];
}

/** Never rejects for what a contestant does wrong, only when interrupted. */
export async function drainOnce(
  { signal }: Pick<BenchOptions, 'signal'>,
  contestant: Contestant,
  builder: ArenaBuilder,
  meter: Meter,
): Promise<BenchRun> {
  signal.throwIfAborted();
  return releasing(async (releases) => {
    const arena = await builder.build(contestant.root);
    releases.add(() => builder.remove(arena));
    try {
      return await timeDrain(contestant, arena, meter);
    } catch (error) {
      if (signal.aborted) throw error;
      return { ...NOTHING, problems: [error instanceof Error ? error.message : String(error)] };
    }
  });
}

async function timeDrain(contestant: Contestant, arena: Arena, meter: Meter): Promise<BenchRun> {
  const drain = await contestant.prepare(arena);
  const stopwatch = new Stopwatch(meter);
  let timing: Awaited<ReturnType<typeof drain.run>>;
  try {
    timing = await drain.run(stopwatch);
  } finally {
    await drain.stop();
  }
  const inputs = contestant.inputsOf(arena.backlog);
  const { elapsedMs, steadyPerSecond, peakRssBytes } = timing;
  return {
    perSecond: (inputs / elapsedMs) * 1_000,
    steadyPerSecond,
    peakRssBytes,
    ...perInput(stopwatch.cost(), inputs),
    // After it has stopped: what it writes on its way out counts as well.
    problems: await contestant.verify(arena),
  };
}

function perInput({ cpuSeconds, walBytes, stealShare }: Cost, inputs: number) {
  const us = (kind: (typeof PROCESS_KINDS)[number]) => (cpuSeconds[kind] / inputs) * US_PER_SECOND;
  return {
    cpuUsPerInput: { worker: us('worker'), postgres: us('postgres'), kafka: us('kafka'), redis: us('redis') },
    walBytesPerInput: walBytes / inputs,
    stealShare,
  };
}

const NOTHING: BenchRun = {
  perSecond: 0,
  steadyPerSecond: null,
  cpuUsPerInput: { worker: 0, postgres: 0, kafka: 0, redis: 0 },
  walBytesPerInput: 0,
  peakRssBytes: 0,
  stealShare: 0,
  problems: [],
};

function describeRun({ perSecond, cpuUsPerInput, problems }: BenchRun): string {
  const us = PROCESS_KINDS.reduce((sum, kind) => sum + cpuUsPerInput[kind], 0);
  const outcome = problems.length === 0 ? '' : `, WRONG: ${problems[0]}`;
  return `${Math.round(perSecond)}/s, ${Math.round(us)} us of CPU per input${outcome}`;
}
