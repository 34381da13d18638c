/** Shapes as text tables and as plots. Pure. */
import { formatNumber, formatUnit } from '../../report/format.ts';
import type { Plot } from '../../report/report-data.ts';
import type { ShapeResult } from '../results.ts';
import { spreadOf } from '../statistics.ts';

type ShapePoint = ShapeResult['points'][number];

export function shapeCells(shape: ShapeResult): { readonly head: string[]; readonly rows: string[][] } {
  const head = [shape.name, shape.xTitle, ...shape.figures.map(({ name }) => name), 'outcome'];
  const rows = shape.points.map((point) => [
    point.series,
    formatNumber(point.x),
    ...shape.figures.map(({ unit }, at) => formatUnit(medianAt(point, at), unit)),
    point.runs.every(({ problems }) => problems.length === 0) ? 'right' : 'WRONG',
  ]);
  return { head, rows };
}

/** One for each figure, with a curve for each series; none where only one x was measured. */
export function shapePlots({ name, about, xTitle, figures, points }: ShapeResult): Plot[] {
  const labels = [...new Set(points.map(({ series }) => series))];
  if (new Set(points.map(({ x }) => x)).size < 2) return [];
  return figures.map((figure, at) => ({
    id: `${name}-${at}`,
    title: `${about}: ${figure.name}`,
    unit: figure.unit,
    axis: { title: xTitle, isLogarithmic: spansDecades(points) },
    series: labels.map((label) => {
      const sorted = points.filter(({ series }) => series === label).sort((one, other) => one.x - other.x);
      const y = sorted.map((point) => medianAt(point, at));
      return { label, x: sorted.map(({ x }) => x), y, total: totalOf(y) };
    }),
  }));
}

function spansDecades(points: readonly ShapePoint[]): boolean {
  const xs = points.map(({ x }) => x);
  return Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) >= 100;
}

function medianAt({ runs }: ShapePoint, figure: number): number {
  return spreadOf(runs.map(({ values }) => values[figure] ?? 0))?.median ?? 0;
}

function totalOf(y: readonly number[]) {
  const mean = y.reduce((sum, each) => sum + each, 0) / y.length;
  return { samples: y.length, min: Math.min(...y), max: Math.max(...y), mean, last: y.at(-1) ?? 0 };
}
