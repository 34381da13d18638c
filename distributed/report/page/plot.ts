/** One plot: curves over the run's time, a shared cursor and zoom, a legend with live values, usable by keyboard. */
import uPlot from 'uplot';
import { currentTheme, DASHES } from '../../../src/gateway/page/theme/chart-theme.ts';
import { formatNumber, formatUnit } from '../format.ts';
import type { Plot, ReportData, SeriesTotal } from '../report-data.ts';
import { drawLabels, drawLimits, drawSpans, LABELS_PX } from './shading.ts';

const HEIGHT = 250;
const KEY_STEP_PX = 8;
const LIMIT_NEAR = 3;
const POINTS_SHOWN_MAX = 40;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const LOG_FLOOR = 0.001;
/** Powers of two: round in KiB, MiB and GiB. */
const BYTE_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);

export function drawPlot(host: HTMLElement, plot: Plot, data: ReportData, xMax: number): uPlot {
  const chart = new uPlot(optionsOf(host, plot, data, xMax), valuesOf(plot), host);
  makeLegendUsable(host);
  return chart;
}

/** One shared row of instants: where a series has no sample its line goes on, where it has null the line ends. */
function valuesOf(plot: Plot): uPlot.AlignedData {
  const clamp = (y: number | null) => (plot.isLogarithmic && y !== null ? Math.max(LOG_FLOOR, y) : y);
  const tables = plot.series.map(({ x, y }): uPlot.AlignedData => [[...x], y.map(clamp)]);
  // 2: a null lasts until the series' next sample, whatever instants other series have in between.
  return uPlot.join(
    tables,
    tables.map(() => [2, 2]),
  );
}

function optionsOf(host: HTMLElement, plot: Plot, data: ReportData, xMax: number): uPlot.Options {
  const theme = currentTheme();
  const xText = plot.axis ? formatNumber : clockText;
  const lines = { stroke: theme.grid, width: 1, ...(plot.isLogarithmic ? { filter: powersOfTen } : {}) };
  const axis = { stroke: theme.text, grid: { stroke: theme.grid, width: 1 }, ticks: { stroke: theme.grid, width: 1 } };
  return {
    width: host.clientWidth,
    height: HEIGHT,
    scales: {
      x: {
        time: false,
        ...(plot.axis?.isLogarithmic ? { distr: 3 } : {}),
        range: (_, min, max) => (min === max ? [0, xMax] : [min, max]),
      },
      y: plot.isLogarithmic
        ? {
            distr: 3,
            range: (_, min, max) => uPlot.rangeLog(Math.max(LOG_FLOOR, min), withLimits(plot, max), 10, false),
          }
        : { range: (_, min, max) => uPlot.rangeNum(Math.min(0, min), withLimits(plot, max), 0.1, true) },
    },
    axes: [
      {
        ...axis,
        ...(plot.axis ? { label: plot.axis.title } : {}),
        values: (_, splits) => splits.map((value) => (value === null ? '' : xText(value))),
      },
      {
        ...axis,
        grid: lines,
        ticks: lines,
        ...(plot.unit === 'bytes' ? { incrs: BYTE_STEPS } : {}),
        size: 68,
        values: (_, splits) => splits.map((value) => (value === null ? '' : axisText(value, plot.unit))),
      },
    ],
    series: [{ label: 'at', value: (_, value) => (value === null ? 'newest' : xText(value)) }, ...seriesOf(plot)],
    cursor: {
      ...(plot.axis ? {} : { sync: { key: 'report' } }),
      focus: { prox: 24 },
      dataIdx: (chart, seriesIndex, hovered) => nearestKnown(chart.data[seriesIndex], hovered),
    },
    focus: { alpha: 0.35 },
    legend: {
      show: plot.hasLegend ?? true,
      markers: { width: 2, dash: (_, index) => dashOf(styleOf(plot, index - 1)).css },
    },
    padding: [data.faults.length + data.phases.length > 0 ? LABELS_PX : null, null, null, null],
    hooks: {
      drawClear: [(chart) => drawSpans(chart, data)],
      drawAxes: [(chart) => drawLabels(chart, data)],
      draw: [(chart) => drawLimits(chart, plot.limits ?? [])],
    },
  };
}

function seriesOf(plot: Plot): uPlot.Series[] {
  const { series: colours } = currentTheme();
  return plot.series.map(({ label, x, total }, at) => {
    const index = styleOf(plot, at);
    const colour = colours[index % colours.length] ?? 'currentColor';
    return {
      label,
      stroke: colour,
      width: 1.6,
      dash: [...dashOf(index).canvas],
      points: { size: 5, ...(x.length < POINTS_SHOWN_MAX ? { show: true } : {}), fill: colour },
      value: (_: uPlot, value: number | null, __: number, instant: number | null) =>
        instant === null ? summaryOf(total, plot.unit) : value === null ? '–' : valueText(value, plot.unit),
    };
  });
}

/** While no cursor asks for an instant. */
function summaryOf({ last, max }: SeriesTotal, unit: string): string {
  return `${valueText(last, unit)}, max ${valueText(max, unit)}`;
}

function valueText(value: number, unit: string): string {
  return formatUnit(value, isShort(unit) ? unit : '');
}

/** A limit that the curves come near is in sight; one far above them would flatten them. */
function withLimits({ limits = [] }: Plot, max: number): number {
  return Math.max(max, ...limits.map(({ value }) => value).filter((value) => value <= LIMIT_NEAR * max));
}

/** Of the palette of colours and dashes. */
function styleOf({ series }: Plot, at: number): number {
  return series[at]?.colour ?? at;
}

function dashOf(index: number): (typeof DASHES)[number] {
  return DASHES[Math.max(0, index) % DASHES.length] ?? DASHES[0];
}

/** The series' latest sample or pause at or before the cursor, else its first sample. */
function nearestKnown(values: uPlot.AlignedData[number] | undefined, hovered: number): number {
  if (values === undefined) return hovered;
  for (let index = hovered; index >= 0; index--) if (values[index] !== undefined) return index;
  for (let index = hovered; index < values.length; index++) if (values[index] !== undefined) return index;
  return hovered;
}

function powersOfTen(_: uPlot, splits: readonly number[]): (number | null)[] {
  return splits.map((value) => (Number.isInteger(Math.round(Math.log10(value) * 1e9) / 1e9) ? value : null));
}

/** `45 s`, `2:05`. */
function clockText(seconds: number): string {
  if (Math.abs(seconds) < 60) return `${Number(seconds.toFixed(2))} s`;
  const whole = Math.round(seconds);
  return `${Math.trunc(whole / 60)}:${String(Math.abs(whole % 60)).padStart(2, '0')}`;
}

function axisText(value: number, unit: string): string {
  if (unit === 'ms' && value >= MINUTE_MS && value < HOUR_MS) return `${formatNumber(value / 1_000)} s`;
  return formatUnit(value, isShort(unit) ? unit : '');
}

/** A longer one stands in the title already. */
function isShort(unit: string): boolean {
  return ['bytes', 'ms', 's', '%'].includes(unit) || unit.startsWith('/');
}

/** Arrow keys move the cursor of the plot in focus, Home and End jump, Esc leaves the zoom. */
export function addKeys(host: HTMLElement, chart: () => uPlot, resetZoom: () => void): void {
  host.addEventListener('keydown', (event) => {
    if (event.target !== host) return;
    const { cursor, over } = chart();
    const left = cursor.left === undefined || cursor.left < 0 ? 0 : cursor.left;
    const moves: Record<string, number> = {
      ArrowLeft: left - KEY_STEP_PX,
      ArrowRight: left + KEY_STEP_PX,
      Home: 0,
      End: over.clientWidth - 1,
    };
    const target = moves[event.key];
    if (event.key === 'Escape') resetZoom();
    else if (target === undefined) return;
    else chart().setCursor({ left: Math.min(over.clientWidth - 1, Math.max(0, target)), top: over.clientHeight / 2 });
    event.preventDefault();
  });
}

function makeLegendUsable(host: HTMLElement): void {
  for (const entry of host.querySelectorAll<HTMLElement>('.u-legend .u-series:not(:first-child) th')) {
    entry.tabIndex = 0;
    entry.setAttribute('role', 'button');
    entry.title = 'Hide or show this series';
    const tell = () => entry.setAttribute('aria-pressed', String(!entry.parentElement?.classList.contains('u-off')));
    tell();
    entry.addEventListener('click', () => setTimeout(tell));
    entry.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      entry.click();
    });
  }
}
