/**
 * Every panel of every dashboard, drawn from what a real Prometheus answered in one part of a run: the same queries,
 * names, units and limits as in Grafana, in one file that needs neither.
 */
import type { DashboardFile } from '../../artefacts/grafana/all-dashboards.ts';
import { layoutOf } from '../observe/dashboard-queries.ts';
import type { PanelRecord } from '../observe/panel-record.ts';
import { countOf, formatDuration } from '../report/format.ts';
import { type Html, html } from '../report/html.ts';
import { htmlPage } from '../report/html-page.ts';
import { pageAssets } from '../report/page-assets.ts';
import type { Plot, ReportData } from '../report/report-data.ts';
import { readableTime } from '../report/sections/verdict-section.ts';
import { curvesOf } from './panel-curves.ts';
import { drawPanel } from './panel-view.ts';

type Files = readonly Pick<DashboardFile, 'name' | 'text'>[];

export async function previewPage(files: Files, record: PanelRecord): Promise<string> {
  const plots: Plot[] = [];
  const sections = files.map((file) => dashboardSection(file, record, plots));
  const panels = files.flatMap((file) => layoutOf(file).panels).filter(({ type }) => type !== 'row');
  const emptyCount = panels.filter((panel) => curvesOf(panel, record).length === 0).length;
  const data: ReportData = { plots, faults: [], phases: [] };
  const seconds = Math.max(0, ...plots.flatMap(({ series }) => series.map(({ x }) => x.at(-1) ?? 0)));
  const body = html`
<header class="verdict plain">
<p class="eyebrow">Dashboards of the Essay Lifecycle Service, without a Grafana</p>
<h1>${record.scenario}</h1>
<p class="reason">${countOf(panels.length, 'panel')}, ${emptyCount} without data, from what Prometheus answered in this run.</p>
<p class="meta"><span>from ${readableTime(new Date(record.fromMs).toISOString())}</span><span>${formatDuration(seconds * 1_000)}</span><span>a value every ${formatDuration(record.stepMs)}</span></p>
</header>
<nav aria-label="Dashboards">${files.map((file) => html`<a href="#${uidOf(file)}">${layoutOf(file).title}</a>`)}</nav>
<p class="hint screen">Drag to zoom all charts, double-click or Esc to zoom out. A legend entry hides or shows its series.</p>
${sections}`;
  const assets = await pageAssets();
  return htmlPage({ title: `Dashboards: ${record.scenario}`, body, assets, data, isWide: true });
}

function dashboardSection(file: Files[number], record: PanelRecord, plots: Plot[]): Html {
  const { title, panels } = layoutOf(file);
  const drawn = panels.map((panel) => {
    if (panel.type === 'row') return html`<h3>${panel.title}</h3>`;
    const { html: figure, plot } = drawPanel(panel, record);
    if (plot !== null) plots.push(plot);
    return figure;
  });
  return html`<section id="${uidOf(file)}"><h2>${title}</h2><div class="grid">${drawn}</div></section>`;
}

function uidOf({ name }: Files[number]): string {
  return name.replace('.json', '');
}
