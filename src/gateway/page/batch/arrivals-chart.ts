/** How the batch filled: the settled slots over time, against a dashed line at what is expected. */
import uPlot from 'uplot';
import { countText } from '../parts/format.ts';
import { currentTheme, DASHES, onThemeChange } from '../theme/chart-theme.ts';

const HEIGHT_PX = 150;
const POINTS_MAX = 600;
const AXIS_PX = 52;
/** What came at once is no line yet. */
const SPAN_SECONDS_MIN = 5;

export interface Curve {
  /** When each slot was settled, in order. */
  readonly arrivals: readonly number[];
  readonly expected: number;
  /** Null: the curve ends with the last. */
  readonly untilMs: number | null;
}

export class ArrivalsChart {
  private readonly host: HTMLElement;
  private readonly observer: ResizeObserver;
  private readonly forgetTheme: () => void;
  private curve: Curve = { arrivals: [], expected: 0, untilMs: null };
  private chart: uPlot;

  constructor(host: HTMLElement) {
    this.host = host;
    this.chart = this.make();
    this.observer = new ResizeObserver(() => this.chart.setSize({ width: host.clientWidth, height: HEIGHT_PX }));
    this.observer.observe(host);
    this.forgetTheme = onThemeChange(() => {
      this.chart.destroy();
      this.chart = this.make();
    });
  }

  draw(curve: Curve): void {
    this.curve = curve;
    this.chart.setData(valuesOf(curve));
  }

  close(): void {
    this.observer.disconnect();
    this.forgetTheme();
    this.chart.destroy();
  }

  private make(): uPlot {
    const theme = currentTheme();
    const [placed, expected] = theme.series;
    const axis = { stroke: theme.text, grid: { stroke: theme.grid, width: 1 }, ticks: { show: false } };
    const options: uPlot.Options = {
      width: this.host.clientWidth,
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: (_, min, max) => [min, Math.max(max, min + SPAN_SECONDS_MIN)] },
        y: { range: (_, __, max) => [0, Math.max(1, max * 1.06)] },
      },
      axes: [
        { ...axis, size: 30, values: (_, splits) => splits.map(clockText), space: 90 },
        {
          ...axis,
          size: AXIS_PX,
          space: 26,
          values: (_, splits) => splits.map(countText),
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
        },
      ],
      series: [
        {},
        { stroke: placed ?? theme.text, fill: `${placed}26`, width: 2, points: { show: false } },
        { stroke: expected ?? theme.text, width: 1.5, dash: [...DASHES[1].canvas], points: { show: false } },
      ],
    };
    return new uPlot(options, valuesOf(this.curve), this.host);
  }
}

function valuesOf({ arrivals, expected, untilMs }: Curve): uPlot.AlignedData {
  const x: number[] = [];
  const placed: number[] = [];
  const first = arrivals[0];
  const last = arrivals.at(-1);
  if (first === undefined || last === undefined) return [[], [], []];
  const step = Math.max(1, Math.ceil(arrivals.length / POINTS_MAX));
  const add = (atMs: number, count: number) => {
    x.push(atMs / 1000);
    placed.push(count);
  };
  add(first, 0);
  for (let index = step - 1; index < arrivals.length; index += step) add(arrivals[index] ?? last, index + 1);
  add(last, arrivals.length);
  add(Math.max(untilMs ?? 0, last, first + SPAN_SECONDS_MIN * 1000), arrivals.length);
  return [x, placed, x.map(() => expected)];
}

function clockText(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB');
}
