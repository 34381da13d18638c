/** The script of the report: draws every plot once, again when width, colour scheme or paper demand it. */
import type uPlot from 'uplot';
import { onThemeChange } from '../../../src/gateway/page/theme/chart-theme.ts';
import type { Plot, ReportData } from '../report-data.ts';
import { addKeys, drawPlot } from './plot.ts';

const PAPER_WIDTH = 680;

const data = JSON.parse(document.getElementById('report-data')?.textContent ?? '') as ReportData;
const overTime = data.plots.filter(({ axis }) => axis === undefined);
const xMax = Math.max(
  1,
  ...overTime.flatMap(({ series }) => series.map(({ x }) => x.at(-1) ?? 0)),
  ...data.phases.map(({ to }) => to),
);
const xMin = Math.min(0, ...overTime.flatMap(({ series }) => series.map(({ x }) => x[0] ?? 0)));
const hosts = [...document.querySelectorAll<HTMLElement>('[data-plot]')];
const charts = new Map<HTMLElement, uPlot>();

function drawAll(): void {
  for (const host of hosts) {
    const plot = data.plots.find(({ id }) => id === host.dataset['plot']);
    if (plot === undefined) continue;
    charts.get(host)?.destroy();
    const chart = drawPlot(host, plot, data, xMax);
    chart.setScale('x', rangeOf(plot));
    chart.over.addEventListener(
      'dblclick',
      (event) => {
        event.stopImmediatePropagation();
        resetZoom();
      },
      true,
    );
    charts.set(host, chart);
  }
}

function resetZoom(): void {
  for (const [host, chart] of charts) {
    const plot = data.plots.find(({ id }) => id === host.dataset['plot']);
    if (plot !== undefined) chart.setScale('x', rangeOf(plot));
  }
}

/** uPlot would show each plot's own range; all plots over time share the run's. */
function rangeOf({ axis, series }: Plot): { min: number; max: number } {
  if (axis === undefined) return { min: xMin, max: xMax };
  const xs = series.flatMap(({ x }) => x);
  return { min: Math.min(...xs), max: Math.max(...xs) };
}

function resizeAll(width?: number): void {
  for (const [host, chart] of charts) chart.setSize({ width: width ?? host.clientWidth, height: chart.height });
}

drawAll();
for (const host of hosts) {
  const chart = () => {
    const drawn = charts.get(host);
    if (drawn === undefined) throw new Error(`no plot ${host.dataset['plot']}`);
    return drawn;
  };
  addKeys(host, chart, resetZoom);
}
onThemeChange(drawAll);
const folded: HTMLDetailsElement[] = [];
window.addEventListener('resize', () => resizeAll());
window.addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll<HTMLDetailsElement>('details:not([open])')) {
    details.open = true;
    folded.push(details);
  }
  drawAll();
  resizeAll(PAPER_WIDTH);
});
window.addEventListener('afterprint', () => {
  for (const details of folded.splice(0)) details.open = false;
  drawAll();
});
// After the frame that shows them: what a reader waits for.
requestAnimationFrame(() =>
  setTimeout(() => {
    document.documentElement.dataset['drawnMs'] = String(Math.round(performance.now()));
  }),
);
