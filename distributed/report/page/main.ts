/** The script of the report: draws every plot once, again when width, colour scheme or paper demand it. */
import type uPlot from 'uplot';
import { onThemeChange } from '../../../src/gateway/page/theme/chart-theme.ts';
import type { ReportData } from '../report-data.ts';
import { addKeys, drawPlot } from './plot.ts';

const PAPER_WIDTH = 680;

const data = JSON.parse(document.getElementById('report-data')?.textContent ?? '') as ReportData;
const xMax = Math.max(
  1,
  ...data.plots.flatMap(({ series }) => series.map(({ x }) => x.at(-1) ?? 0)),
  ...data.phases.map(({ to }) => to),
);
const xMin = Math.min(0, ...data.plots.flatMap(({ series }) => series.map(({ x }) => x[0] ?? 0)));
const hosts = [...document.querySelectorAll<HTMLElement>('[data-plot]')];
const charts = new Map<HTMLElement, uPlot>();

function drawAll(): void {
  for (const host of hosts) {
    const plot = data.plots.find(({ id }) => id === host.dataset['plot']);
    if (plot === undefined) continue;
    charts.get(host)?.destroy();
    const chart = drawPlot(host, plot, data, xMax);
    chart.setScale('x', { min: xMin, max: xMax });
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

/** uPlot would show each plot's own range; all plots share the run's. */
function resetZoom(): void {
  for (const chart of charts.values()) chart.setScale('x', { min: xMin, max: xMax });
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
