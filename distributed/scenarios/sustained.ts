/**
 * Goal: a load that goes on leaves nothing behind: memory does not grow with time. Method: a steady rate over the whole
 * duration; a straight line through each worker's memory over the second half, by least squares.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { percentileOf } from '../engine/measure/latencies.ts';
import { type Point, slopePerSecond } from '../engine/measure/trend.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { loadNow } from './steps.ts';

/** A shorter run still warms up; its slope says nothing about a leak. */
const SLOPE_SECONDS_MIN = 240;

export const sustained: Scenario = {
  name: 'sustained',
  goal: 'Memory of the workers does not grow while the load goes on, and latency stays.',
  method: 'A steady rate over --duration; slope of memory over the second half.',
  defaultInstances: [3],
  parts: (request) => {
    const durationSeconds = request.durationSeconds ?? (request.tier === 'quick' ? 15 : 600);
    const load = { ...DEFAULT_LOAD, seed: request.seed, slots: 15, ratePerSecond: 250, durationSeconds };
    return forEachInstances(request, (workers) => [
      {
        name: 'steady',
        workers,
        options: load,
        run: async (stage) => {
          await stage.startWorkers();
          stage.beginLoad();
          const fromMs = Date.now();
          await stage.send(loadNow(load));
          const toMs = Date.now();
          await stage.quiesce();
          stage.afterwards(async ({ directory, latencies }) => {
            await gateMemory(stage, directory, { fromMs: (fromMs + toMs) / 2, toMs, durationSeconds });
            stage.findings.number('completionP99Ms', percentileOf(latencies.completion, 99), {
              unit: 'ms',
              better: 'lower',
            });
          });
        },
      },
    ]);
  },
};

async function gateMemory(
  stage: Stage,
  directory: RunDirectory,
  { fromMs, toMs, durationSeconds }: { fromMs: number; toMs: number; durationSeconds: number },
): Promise<void> {
  const points = new Map<string, Point[]>();
  for await (const { metric, process, wallMs, value } of directory.readMetrics()) {
    if (metric !== 'rss_bytes' || !process.startsWith('worker') || wallMs < fromMs || wallMs > toMs) continue;
    const known = points.get(process) ?? [];
    points.set(process, known);
    known.push({ x: wallMs / 1_000, y: value });
  }
  const slopes = [...points.values()].map((each) => {
    const mean = each.reduce((sum, { y }) => sum + y, 0) / each.length;
    return (slopePerSecond(each) * 60 * 100) / mean;
  });
  const steepest = slopes.length === 0 ? null : Math.max(...slopes);
  const isLongEnough = durationSeconds >= SLOPE_SECONDS_MIN;
  stage.findings.number('memorySlopePercentPerMinute', steepest, { unit: '%/min', better: 'lower' });
  if (!isLongEnough) {
    stage.findings.note(`no limit holds for the memory slope below ${SLOPE_SECONDS_MIN} s of load`);
    return;
  }
  stage.gate({
    name: 'Growth of memory, steepest worker',
    measured: steepest,
    target: TARGETS.memoryGrowthPercentPerMinuteMax,
    comparison: '<',
    unit: '%/min',
    source: 'aimed at',
    samples: slopes,
  });
}
