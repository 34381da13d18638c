/** The results as one table: on a terminal, and as Markdown for the README. Pure. */
import { formatBytes, formatNumber } from '../report/format.ts';
import { PROCESS_KINDS } from './meter.ts';
import type { BenchResults, BenchRow, BenchRun, ShapeResult } from './results.ts';
import { shapeCells } from './shapes/shape-table.ts';
import { spreadOf } from './statistics.ts';

export const COLUMNS = [
  'contestant',
  'workers',
  'inputs',
  'runs',
  'inputs/s',
  'spread',
  'steady/s',
  'us all',
  'us worker',
  'us PostgreSQL',
  'us Kafka',
  'us Redis',
  'WAL B/input',
  'peak RSS',
  'outcome',
] as const;

const MARKDOWN_COLUMNS: readonly (typeof COLUMNS)[number][] = [
  'workers',
  'inputs/s',
  'spread',
  'us all',
  'us worker',
  'WAL B/input',
  'outcome',
];
const NOTHING = '–';

/** Medians of one contestant, in the order of COLUMNS. */
export function cellsOf(row: BenchRow): string[] {
  const rate = spreadOf(row.runs.map(({ perSecond }) => perSecond));
  const steady = row.runs.flatMap(({ steadyPerSecond }) => (steadyPerSecond === null ? [] : [steadyPerSecond]));
  return [
    row.name,
    String(row.workers),
    formatNumber(row.inputs),
    String(row.runs.length),
    numberOf(rate?.median),
    rate === null || rate.median === 0 ? NOTHING : `±${Math.round(((rate.max - rate.min) / 2 / rate.median) * 100)} %`,
    numberOf(spreadOf(steady)?.median),
    numberOf(medianOf(row, cpuOf)),
    ...PROCESS_KINDS.map((kind) => numberOf(medianOf(row, (run) => run.cpuUsPerInput[kind]))),
    numberOf(medianOf(row, (run) => run.walBytesPerInput)),
    formatBytes(medianOf(row, (run) => run.peakRssBytes) ?? 0),
    outcomeOf(row),
  ];
}

export function textTable(results: BenchResults): string {
  const main = results.rows.length === 0 ? [] : ['', ...aligned([[...COLUMNS], ...results.rows.map(cellsOf)])];
  const shapes = results.shapes.flatMap((shape) => {
    const { head, rows } = shapeCells(shape);
    return ['', `${shape.about}.`, ...aligned([head, ...rows])];
  });
  return [...describeConditions(results), ...main, ...shapes, ...wordsBelow(results)].join('\n');
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((cells) => cells[at]?.length ?? 0)));
  return rows.map((cells) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '),
  );
}

/** For people who do not know the bench: fewer columns, and what each contestant is. */
export function markdownTable(results: BenchResults): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const at = MARKDOWN_COLUMNS.map((column) => COLUMNS.indexOf(column));
  const rows = results.rows.map((row) => {
    const cells = cellsOf(row);
    return line([`${row.name}: ${row.about}`, ...at.map((index) => cells[index] ?? NOTHING)]);
  });
  const head = line(['', ...MARKDOWN_COLUMNS]);
  const ruler = line(['---', ...MARKDOWN_COLUMNS.map(() => '---:')]);
  return [head, ruler, ...rows, '', ...describeConditions(results), ...wordsBelow(results)].join('\n');
}

export function describeConditions({ machine, backlog, repeats, build, release, startedAt }: BenchResults): string[] {
  const { batches, slots, routing } = backlog;
  const servers = Object.values(machine.servers).join(', ');
  return [
    `${formatNumber(batches * slots)} contents in batches of ${formatNumber(slots)}, ${routing} routing; medians of ${repeats}.`,
    `${machine.cores} cores (${machine.cpu}), Node ${machine.node}, ${servers};`,
    `fdatasync of 8 KiB ${formatNumber(machine.syncMs.p50)} ms, P95 ${formatNumber(machine.syncMs.p95)} ms.`,
    `Build ${build.slice(0, 12)}${build.endsWith('+') ? ' with changes' : ''}${release === null ? '' : `, release ${release}`}, ${startedAt.slice(0, 10)}.`,
  ];
}

/** Whether any contestant did not do what it was for. */
export function isAnyWrong(results: BenchResults): boolean {
  return [...results.rows, ...results.shapes.flatMap(({ points }) => points)].some(({ runs }) =>
    runs.some(({ problems }) => problems.length > 0),
  );
}

function wordsBelow({ rows, shapes, leftOut }: BenchResults): string[] {
  const stolen = spreadOf(rows.flatMap(({ runs }) => runs.map(({ stealShare }) => stealShare * 100)));
  return [
    '',
    ...(stolen === null
      ? []
      : [
          `Stolen by other machines: ${formatNumber(stolen.median)} % of the time, at most ${formatNumber(stolen.max)} %.`,
        ]),
    ...leftOut.map(({ name, reason }) => `Left out: ${name}, ${reason}.`),
    ...[...rows, ...shapes.flatMap(pointsByName)].flatMap(({ name, runs }) =>
      [...new Set(runs.flatMap(({ problems }) => problems))].map((problem) => `Wrong: ${name}: ${problem}.`),
    ),
  ];
}

function pointsByName({ name, points }: ShapeResult) {
  return points.map(({ series, x, runs }) => ({ name: `${name}, ${series} at ${x}`, runs }));
}

function outcomeOf({ runs }: BenchRow): string {
  const wrong = runs.filter(({ problems }) => problems.length > 0).length;
  if (runs.length === 0) return NOTHING;
  return wrong === 0 ? 'right' : `WRONG in ${wrong} of ${runs.length}`;
}

function cpuOf({ cpuUsPerInput }: BenchRun): number {
  return PROCESS_KINDS.reduce((sum, kind) => sum + cpuUsPerInput[kind], 0);
}

function medianOf(row: BenchRow, figureOf: (run: BenchRun) => number): number | undefined {
  return spreadOf(row.runs.map(figureOf))?.median;
}

function numberOf(value: number | undefined): string {
  return value === undefined ? NOTHING : formatNumber(value >= 100 ? Math.round(value) : Number(value.toFixed(1)));
}
