/**
 * Goal: a line to Kafka that takes less than there is makes the service slow, not large: what waits in the outbox and in
 * memory stays bounded, and everything is done soon after the line is wide again. Method: every worker's line to Kafka is
 * narrow for a while under a load that does not fit through it: once towards Kafka, where events pile up in the outbox
 * until the intake is held, once from it, where inputs come slowly.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { linesNarrowed } from '../nemesis/network-faults.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { Direction } from '../stack/process/tcp-proxy.ts';
import { type FaultInstants, secondsAround, sendBesideFault } from './fault-beside-load.ts';
import { gateSeconds } from './steps.ts';

const RATE_PER_SECOND = 250;
const NARROW_MS = 30_000;
const HIGH_WATER_MESSAGES = 1_000;
/** As set by default; of an answer that is on its way when a partition is paused, all records come: 8 MB of some 700 bytes. */
const BUFFERED_RECORDS_MAX = 5_000 + 12_000;
/** What settles between two looks of a worker at its outbox (5 s), and what it has in hand when it is held. */
const PAST_HIGH_WATER_MAX = RATE_PER_SECOND * 5 + 2_000;

interface Narrow {
  readonly name: string;
  readonly direction: Direction;
  /** A quarter or so of what the load needs, on every connection. */
  readonly bytesPerSecondMax: number;
}

const NARROWS: readonly Narrow[] = [
  { name: 'events', direction: 'to-server', bytesPerSecondMax: 30_000 },
  { name: 'inputs', direction: 'to-client', bytesPerSecondMax: 30_000 },
];

export const slowConsumer: Scenario = {
  name: 'slow_consumer',
  goal: 'A line to Kafka narrower than the load: outbox, intake and memory stay bounded, and all is done afterwards.',
  method: "Every worker's line to Kafka, or from it, carries 30 kB/s for 30 s.",
  defaultInstances: [2],
  isLong: true,
  parts: (request) => forEachInstances(request, (workers) => NARROWS.map((narrow) => part(request, workers, narrow))),
};

function part(request: PartRequest, workers: number, narrow: Narrow): PartPlan {
  const { name, direction, bytesPerSecondMax } = narrow;
  const durationSeconds = secondsAround(NARROW_MS);
  const load = { ...DEFAULT_LOAD, seed: request.seed, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  return {
    name,
    workers,
    servers: { ways: workers },
    env: { OUTBOX_HIGH_WATER_MESSAGES: `${HIGH_WATER_MESSAGES}` },
    options: { ...load, narrowMs: NARROW_MS, ...narrow },
    run: async (stage) => {
      const { instants, positions } = await sendBesideFault(stage, load, () => ({
        injector: linesNarrowed(
          { target: `all workers ${direction} kafka`, lines: stage.deps.stack.ways.map(({ kafka }) => kafka) },
          { bytesPerSecondMax, directions: [direction] },
        ),
        holdMs: NARROW_MS,
        workers: stage.deps.cluster.workers,
        // It is slow, and works.
        noticed: null,
        goesOnSecondsMax: TARGETS.caughtUpSecondsMax,
      }));
      const window = { fromMs: instants.brokenAtMs, untilMs: instants.mendedAtMs };
      const stillMs = positions.longestStillMs(window);
      gateSeconds(stage, 'Longest time without a record settled', stillMs, TARGETS.stillBesideNarrowLineSecondsMax);
      stage.afterwards(({ directory }) => judgeBounds(stage, { directory, instants, narrow }));
    },
  };
}

async function judgeBounds(
  stage: Stage,
  found: { readonly directory: RunDirectory; readonly instants: FaultInstants; readonly narrow: Narrow },
): Promise<void> {
  const { directory, instants, narrow } = found;
  const most = await mostOf(directory, instants);
  const isHeld = most.during.get('intake_held') === 1;
  if (narrow.direction === 'to-server') {
    stage.findings.check({
      id: 'held',
      title: 'So much waited for Kafka that the intake was held',
      verdict: isHeld ? true : 'unknown',
      message: 'the line was wide enough for the load',
    });
  }
  const limits = [
    ['outbox_messages', 'Events waiting in the outbox, most', HIGH_WATER_MESSAGES + PAST_HIGH_WATER_MAX, 'events'],
    ['buffered_records', 'Records in the memory of a worker, most', BUFFERED_RECORDS_MAX, 'records'],
  ] as const;
  for (const [metric, name, target, unit] of limits) {
    const measured = most.during.get(metric) ?? null;
    stage.gate({ name, measured, target, comparison: '<=', unit, source: 'promised by its settings' });
  }
  const [before, during] = [most.before.get('rss_bytes') ?? Number.NaN, most.during.get('rss_bytes') ?? Number.NaN];
  stage.gate({
    name: 'Memory of a worker while the line is narrow, over before, most',
    measured: during / before,
    target: TARGETS.memoryBesideTroubleMax,
    comparison: '<=',
    unit: '',
    source: 'aimed at',
  });
}

type Most = ReadonlyMap<string, number>;

/** Of any worker, before the fault and from then on. */
async function mostOf(
  directory: RunDirectory,
  { brokenAtMs }: FaultInstants,
): Promise<{ readonly before: Most; readonly during: Most }> {
  const before = new Map<string, number>();
  const during = new Map<string, number>();
  for await (const { metric, process, wallMs, value } of directory.readMetrics()) {
    if (!process.startsWith('worker')) continue;
    const most = wallMs < brokenAtMs ? before : during;
    most.set(metric, Math.max(most.get(metric) ?? 0, value));
  }
  return { before, during };
}
