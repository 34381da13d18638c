/** What must not grow while a load goes on: memory and open files of the workers, from what was sampled each second. */
import { TARGETS } from '../../artefacts/targets.ts';
import { median, type Point, slopePerSecond } from '../engine/measure/trend.ts';
import type { Stage } from '../engine/stage.ts';
import type { RunDirectory } from '../run/run-directory.ts';

/** The second half of a shorter load still warms up; its slope says nothing about a leak. */
const HALF_SECONDS_MIN = 120;

export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A straight line through each worker's memory, by least squares. */
export async function gateMemory(stage: Stage, directory: RunDirectory, period: Period): Promise<void> {
  const points = await pointsOf(directory, 'rss_bytes', period);
  const slopes = points.map((each) => {
    const mean = each.reduce((sum, { y }) => sum + y, 0) / each.length;
    return (slopePerSecond(each) * 60 * 100) / mean;
  });
  const steepest = slopes.length === 0 ? null : Math.max(...slopes);
  stage.findings.number('memorySlopePercentPerMinute', steepest, { unit: '%/min', better: 'lower' });
  if ((period.toMs - period.fromMs) / 1_000 < HALF_SECONDS_MIN) {
    stage.findings.note(`no limit holds for the memory slope over less than ${HALF_SECONDS_MIN} s`);
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

/** Files and sockets that a process holds: in the last third of the period against the first. */
export async function gateOpenFiles(stage: Stage, directory: RunDirectory, { fromMs, toMs }: Period): Promise<void> {
  const third = (toMs - fromMs) / 3;
  const [first, last] = await Promise.all([
    pointsOf(directory, 'open_files', { fromMs, toMs: fromMs + third }),
    pointsOf(directory, 'open_files', { fromMs: toMs - third, toMs }),
  ]);
  const middle = (points: readonly Point[] = []) => median(points.map(({ y }) => y));
  const growths = last.map((points, worker) => (middle(points) ?? Number.NaN) - (middle(first[worker]) ?? Number.NaN));
  stage.gate({
    name: 'Growth of open files and sockets, most of any worker',
    measured: growths.length === 0 ? null : Math.max(...growths),
    target: TARGETS.openFilesGrowthMax,
    comparison: '<=',
    unit: 'files',
    source: 'aimed at',
    samples: growths,
  });
}

/** Of each worker, in the order of their names. */
async function pointsOf(
  directory: RunDirectory,
  wanted: string,
  { fromMs, toMs }: Period,
): Promise<readonly Point[][]> {
  const points = new Map<string, Point[]>();
  for await (const { metric, process, wallMs, value } of directory.readMetrics()) {
    if (metric !== wanted || !process.startsWith('worker') || wallMs < fromMs || wallMs > toMs) continue;
    const known = points.get(process) ?? [];
    points.set(process, known);
    known.push({ x: wallMs / 1_000, y: value });
  }
  return [...points].sort(([one], [other]) => one.localeCompare(other)).map(([, each]) => each);
}
