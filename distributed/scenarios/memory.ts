/**
 * Goal: a worker needs the same memory whether a batch has ten slots or many thousands. Method: the same number of
 * inputs in batches of different sizes, each size with fresh workers; resident memory while the load is handled, by
 * process.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { median } from '../engine/measure/trend.ts';
import type { PartPlan, PartRequest, Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { needsOfBatches } from './large-batches.ts';
import { loadNow } from './steps.ts';

const QUICK = { sizes: [10, 10_000], inputs: 20_000 };
const FULL = { sizes: [10, 100, 1_000, 10_000, 100_000], inputs: 200_000 };
/** A short run is mostly start-up and garbage not yet collected; the full tier asks for what was promised. */
const QUICK_PERCENT_MAX = 25;
const DRAIN_MS_MAX = 900_000;

export const memory: Scenario = {
  name: 'memory',
  goal: 'Memory of a worker does not depend on the size of the batches.',
  method: 'The same number of inputs in batches of 10 to 10 000 slots (full: 100 000), resident memory per worker.',
  defaultInstances: [1],
  parts: (request) => {
    const { sizes, inputs } = request.tier === 'quick' ? QUICK : FULL;
    const [workers = 1] = request.instances;
    const measured = new Map<number, number>();
    return sizes.map((slots) => sizePart(request, { slots, inputs, workers, measured, last: sizes.at(-1) === slots }));
  },
};

interface SizeOptions {
  readonly slots: number;
  readonly inputs: number;
  readonly workers: number;
  readonly measured: Map<number, number>;
  readonly last: boolean;
}

function sizePart(request: PartRequest, { slots, inputs, workers, measured, last }: SizeOptions): PartPlan {
  const batches = Math.max(1, Math.round(inputs / slots));
  const load = {
    ...DEFAULT_LOAD,
    seed: request.seed + slots,
    batches,
    slots,
    duplicatePercent: 0,
    excessPercent: 0,
    earlyPercent: 0,
    repeatPercent: 0,
    batchesInFlight: Math.min(20, batches),
  };
  return {
    name: `slots-${slots}`,
    workers,
    options: load,
    ...needsOfBatches(slots),
    run: async (stage) => {
      await stage.startWorkers();
      stage.beginLoad();
      const fromMs = Date.now();
      await stage.send(loadNow(load));
      // It is sent faster than it can be handled: that is the load, not a recovery.
      await stage.untilDrained(DRAIN_MS_MAX);
      await stage.quiesce();
      stage.afterwards(async ({ directory }) => {
        const rss = await memoryOf(directory, fromMs);
        stage.findings.number('rssMedianMb', rss.median / 1e6, { unit: 'MB', better: 'lower' });
        stage.findings.number('rssMaxMb', rss.max / 1e6, { unit: 'MB', better: 'lower' });
        measured.set(slots, rss.median);
        if (last) gateMemory(stage, measured, request.tier);
      });
    },
  };
}

/** While the load was handled, all workers together. */
async function memoryOf(directory: RunDirectory, fromMs: number): Promise<{ median: number; max: number }> {
  const values: number[] = [];
  for await (const { metric, process, wallMs, value } of directory.readMetrics()) {
    if (metric === 'rss_bytes' && process.startsWith('worker') && wallMs >= fromMs) values.push(value);
  }
  return { median: median(values) ?? Number.NaN, max: Math.max(0, ...values) };
}

function gateMemory(stage: Stage, measured: ReadonlyMap<number, number>, tier: PartRequest['tier']): void {
  const [smallest = Number.NaN, ...larger] = measured.values();
  const distances = larger.map((bytes) => Math.abs(bytes / smallest - 1) * 100);
  const sizes = [...measured].map(([slots, bytes]) => `${slots} slots ${Math.round(bytes / 1e6)} MB`).join(', ');
  const isFull = tier === 'full';
  stage.gate({
    name: 'Memory of a worker, how far any size of batches is from the smallest',
    measured: distances.length === 0 ? null : Math.max(...distances),
    target: isFull ? TARGETS.memoryShareOfBatchSizeMax * 100 : QUICK_PERCENT_MAX,
    comparison: '<',
    unit: '%',
    source: isFull ? 'aimed at, for what is promised' : 'promised, coarse for the quick tier',
    note: sizes,
  });
}
