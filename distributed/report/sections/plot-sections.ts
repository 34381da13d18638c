/** Frames of the plots, which the page's script fills, each with its numbers as a table for who cannot see it. */
import { countOf, formatUnit } from '../format.ts';
import { type Html, html } from '../html.ts';
import { BUCKETS_MAX } from '../min-max-series.ts';
import type { Plot, ReportData, Span } from '../report-data.ts';

export function plotsSection(data: ReportData): Html {
  const { plots, faults, phases } = data;
  const shown = html`
<p class="hint screen">Drag to zoom all plots, double-click or Esc to zoom out. In a focused plot the arrow keys move the cursor. A legend entry hides or shows its series.</p>
<p class="hint">Series of more than ${2 * BUCKETS_MAX} samples show the lowest and the highest sample of each interval, so no spike is lost.</p>
<noscript><p class="hint">Without JavaScript the plots stay empty; their numbers are in the tables.</p></noscript>
<div class="plots">${plots.map(plotFigure)}</div>`;
  return html`
<section id="over-time"><h2>Over time</h2>
${spansTable(faults, phases)}
${plots.length === 0 ? html`<p class="hint">This run left no samples.</p>` : shown}</section>`;
}

export function plotFigure(plot: Plot): Html {
  const rows = plot.series.map(({ label, total }) => {
    const cells = [total.min, total.mean, total.max, total.last].map(
      (value) => html`<td class="number">${formatUnit(value, plot.unit)}</td>`,
    );
    return html`<tr><th scope="row">${label}</th>${cells}<td class="number">${total.samples}</td></tr>`;
  });
  const title = ['', 'bytes', 'ms', 's'].includes(plot.unit) ? plot.title : `${plot.title} (${plot.unit})`;
  return html`
<figure class="plot" id="plot-${plot.id}">
<figcaption>${title}</figcaption>
<div class="canvas" data-plot="${plot.id}" tabindex="0" role="group" aria-label="Plot of ${plot.title}. Arrow keys move the cursor; the numbers are in the table below."></div>
${limitsLine(plot)}
<details><summary>Numbers</summary><div class="scroll"><table>
<thead><tr><th scope="col">Series</th><th scope="col" class="number">Min</th><th scope="col" class="number">Mean</th><th scope="col" class="number">Max</th><th scope="col" class="number">Last</th><th scope="col" class="number">Samples</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>
</figure>`;
}

function limitsLine({ limits = [], unit }: Plot): Html | null {
  if (limits.length === 0) return null;
  const texts = limits.map(
    ({ value, tone, label = 'limit' }) => html`<span class="limit ${tone}">${label} ${formatUnit(value, unit)}</span> `,
  );
  return html`<p class="limits">${texts}</p>`;
}

/** Faults are numbered; the plots show the numbers. */
function spansTable(faults: readonly Span[], phases: readonly Span[]): Html | null {
  if (faults.length === 0 && phases.length === 0) return null;
  const row = (tag: string, { label, from, to }: Span) => html`
<tr><th scope="row">${tag}</th><td>${label}</td><td class="number">${seconds(from)}</td><td class="number">${seconds(to)}</td><td class="number">${seconds(to - from)}</td></tr>`;
  const rows = [...faults.map((fault, at) => row(`F${at + 1}`, fault)), ...phases.map((phase) => row('phase', phase))];
  return html`
<details class="spans"${faults.length > 0 && faults.length <= 12 && html` open`}><summary>${faults.length === 0 ? 'No faults' : `${countOf(faults.length, 'fault')}, hatched in every plot`}; ${phases.length} phases</summary>
<div class="scroll"><table><thead><tr><th scope="col">Mark</th><th scope="col">What</th><th scope="col" class="number">From</th><th scope="col" class="number">To</th><th scope="col" class="number">Length</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>`;
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}
