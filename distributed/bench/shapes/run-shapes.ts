/** Measures shapes point by point, in rounds as the table is, so that a bad minute does not meet one point alone. */
import { formatUnit } from '../../report/format.ts';
import type { ShapeResult } from '../results.ts';
import { DRAIN_SHAPES } from './drains.ts';
import { IDLE_SHAPE } from './idle.ts';
import { LIVE_SHAPES } from './live.ts';
import type { Measured, Point, Shape, ShapeBench } from './shape.ts';

export const SHAPES: readonly Shape[] = [...LIVE_SHAPES, IDLE_SHAPE, ...DRAIN_SHAPES];

interface Rounds {
  readonly repeats: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export async function runShapes(names: readonly string[], bench: ShapeBench, rounds: Rounds): Promise<ShapeResult[]> {
  const results: ShapeResult[] = [];
  for (const shape of SHAPES.filter(({ name }) => names.includes(name))) {
    rounds.say(`${shape.name}: ${shape.about}`);
    results.push(await runShape(shape, bench, rounds));
  }
  return results;
}

async function runShape(shape: Shape, bench: ShapeBench, { repeats, signal, say }: Rounds): Promise<ShapeResult> {
  const { name, about, xTitle, figures } = shape;
  const points = (await shape.points(bench)).map((point) => ({ point, runs: [] as Measured[] }));
  say('warm-up');
  await points[0]?.point.measure().catch(() => undefined);
  for (let repeat = 1; repeat <= repeats; repeat++) {
    for (const { point, runs } of points) {
      signal.throwIfAborted();
      const measured = await measureOne(point, figures.length, signal);
      runs.push(measured);
      const figure = figures[0];
      const said = figure === undefined ? '' : formatUnit(measured.values[0] ?? 0, figure.unit);
      say(`${repeat}/${repeats} ${name}: ${point.series} at ${point.x}: ${measured.problems[0] ?? said}`);
    }
  }
  return {
    name,
    about,
    xTitle,
    figures: [...figures],
    points: points.map(({ point, runs }) => ({
      series: point.series,
      x: point.x,
      runs: runs.map(({ values, problems }) => ({ values: [...values], problems: [...problems] })),
    })),
  };
}

async function measureOne(point: Point, figureCount: number, signal: AbortSignal): Promise<Measured> {
  try {
    return await point.measure();
  } catch (error) {
    if (signal.aborted) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    return { values: Array(figureCount).fill(0), problems: [problem] };
  }
}
