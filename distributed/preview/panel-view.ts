/** One panel as it looks in Grafana: chart, figure, timeline or table, with its unit, its limits and its way on. */
import type { PanelView } from '../observe/dashboard-queries.ts';
import type { PanelRecord } from '../observe/panel-record.ts';
import { countOf, formatUnit } from '../report/format.ts';
import { type Html, html } from '../report/html.ts';
import type { Plot, PlotSeries } from '../report/report-data.ts';
import { answersOf, curvesOf, limitsOf, toneOf, unitOf } from './panel-curves.ts';

export interface DrawnPanel {
  readonly html: Html;
  /** What the page's script draws into it. */
  readonly plot: Plot | null;
}

type Body = (panel: PanelView, curves: readonly PlotSeries[], record: PanelRecord) => Html;

const SPARK_WIDTH = 100;
const SPARK_HEIGHT = 24;

const BODIES: Readonly<Record<string, Body>> = {
  timeseries: chartBody,
  stat: figureBody,
  'state-timeline': timelineBody,
  table: tableBody,
};

export function drawPanel(panel: PanelView, record: PanelRecord): DrawnPanel {
  const body = BODIES[panel.type];
  if (body === undefined) throw new Error(`${panel.dashboard}: the preview cannot draw a ${panel.type}`);
  const curves = curvesOf(panel, record);
  const { x, w } = panel.gridPos;
  const content = curves.length === 0 ? emptyBody(panel, record) : body(panel, curves, record);
  const plot = panel.type === 'timeseries' && curves.length > 0 ? plotOf(panel, curves) : null;
  return {
    html: html`
<figure class="panel ${panel.type}" id="${idOf(panel)}" style="--x:${x + 1};--w:${w}">
<figcaption>${panel.title} <span class="unit">${unitOf(panel).words}</span></figcaption>
${content}
${limitsLine(panel)}${leftOutLine(panel, record)}
<p class="note">${panel.description ?? ''}${(panel.links ?? []).map(linkTo)}</p>
</figure>`,
    plot,
  };
}

function idOf({ dashboard, id = 0 }: PanelView): string {
  return `${dashboard.replace('.json', '')}-${id}`;
}

function plotOf(panel: PanelView, series: readonly PlotSeries[]): Plot {
  const { unit } = unitOf(panel);
  const hasLegend = panel.options?.legend?.showLegend ?? false;
  return { id: idOf(panel), title: panel.title, unit, series, limits: limitsOf(panel), hasLegend };
}

function chartBody(panel: PanelView): Html {
  return html`<div class="canvas" data-plot="${idOf(panel)}" tabindex="0" role="group" aria-label="Chart of ${panel.title}"></div>`;
}

/** The newest value, large, above what it was before. */
function figureBody(panel: PanelView, curves: readonly PlotSeries[]): Html {
  const figures = curves.map((curve) => {
    const { last } = curve.total;
    return html`<div class="${toneOf(panel, last)}"><dt>${curve.label}</dt><dd>${formatUnit(last, unitOf(panel).unit)}</dd>${spark(curve)}</div>`;
  });
  return html`<dl class="figures">${figures}</dl>`;
}

function spark({ x, y, total }: PlotSeries): Html {
  const [from, to] = [x[0] ?? 0, x.at(-1) ?? 1];
  const height = Math.max(total.max, 1e-9);
  const points = y.flatMap((value, at) => {
    if (value === null) return [];
    const left = (((x[at] ?? 0) - from) / (to - from || 1)) * SPARK_WIDTH;
    return [`${left.toFixed(1)},${(SPARK_HEIGHT - (value / height) * SPARK_HEIGHT).toFixed(1)}`];
  });
  return html`<svg viewBox="0 -1 ${SPARK_WIDTH} ${SPARK_HEIGHT + 2}" preserveAspectRatio="none" aria-hidden="true"><polyline points="${points.join(' ')}"/></svg>`;
}

/** A row for each series, a bar while its value is not zero. */
function timelineBody(panel: PanelView, curves: readonly PlotSeries[], { stepMs }: PanelRecord): Html {
  const rows = curves.map((curve) => {
    const end = (curve.x.at(-1) ?? 0) + stepMs / 1_000;
    const bars = spansOf(curve, stepMs / 1_000).map(({ from, to, value }) => {
      const at = (seconds: number) => `${((seconds / end) * 100).toFixed(2)}%`;
      return html`<i class="${toneOf(panel, value)}" style="left:${at(from)};width:max(2px, ${at(to - from)})" title="${from.toFixed(0)} s to ${to.toFixed(0)} s: ${formatUnit(value, unitOf(panel).unit)}"></i>`;
    });
    return html`<li><span>${curve.label}</span><div class="bars">${bars}</div></li>`;
  });
  return html`<ol class="states">${rows}</ol>`;
}

function spansOf({ x, y }: PlotSeries, stepSeconds: number): { from: number; to: number; value: number }[] {
  const spans: { from: number; to: number; value: number }[] = [];
  for (const [at, value] of y.entries()) {
    if (value === null || value === 0) continue;
    const from = x[at] ?? 0;
    const last = spans.at(-1);
    if (last !== undefined && last.value === value && Math.abs(last.to - from) < stepSeconds / 2) {
      last.to = from + stepSeconds;
    } else spans.push({ from, to: from + stepSeconds, value });
  }
  return spans;
}

/** Labels and value of each series, at the end of the run. */
function tableBody(panel: PanelView, _: readonly PlotSeries[], record: PanelRecord): Html {
  const series = answersOf(panel, record).flatMap((answer) => answer?.series ?? []);
  const names = [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))].sort();
  const rows = series.map(({ labels, values }) => {
    const last = values.findLast((value) => value !== null) ?? Number.NaN;
    return html`<tr>${names.map((name) => html`<td>${labels[name] ?? ''}</td>`)}<td class="number">${formatUnit(last, '')}</td></tr>`;
  });
  return html`<div class="scroll"><table><thead><tr>${names.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col" class="number">Value</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function emptyBody(panel: PanelView, record: PanelRecord): Html {
  const answers = answersOf(panel, record);
  const isUnasked = answers.some((answer) => answer === null);
  const excuses = [...new Set(answers.flatMap((answer) => answer?.excuse ?? []))];
  const why = isUnasked ? 'This run was made before the dashboard asked this.' : excuses.join('; ');
  return html`<p class="empty"><strong>No data</strong> ${why}</p>`;
}

function limitsLine(panel: PanelView): Html | null {
  const limits = limitsOf(panel);
  if (limits.length === 0) return null;
  const words = limits.map(
    ({ value, tone, isLeast }) =>
      html`<span class="limit ${tone}">${tone === 'bad' ? 'bad' : 'warning'} ${isLeast ? 'below' : 'from'} ${formatUnit(value, unitOf(panel).unit)}</span> `,
  );
  return html`<p class="limits">${words}</p>`;
}

function leftOutLine(panel: PanelView, record: PanelRecord): Html | null {
  const leftOut = answersOf(panel, record).reduce((sum, answer) => sum + (answer?.leftOut ?? 0), 0);
  return leftOut === 0 ? null : html`<p class="hint">${countOf(leftOut, 'more series', 'more series')} not kept.</p>`;
}

/** To the dashboard's place in this page. */
function linkTo({ title, url }: { readonly title: string; readonly url: string }): Html {
  const [, uid = ''] = /^\/d\/([\w-]+)/.exec(url) ?? [];
  return html` <a href="#${uid}">${title}</a>`;
}
