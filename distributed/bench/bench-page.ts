/** `bench.html`: table, plots and conditions of a bench in one file without network, in the style of a report. */
import { type Html, html } from '../report/html.ts';
import { htmlPage } from '../report/html-page.ts';
import { pageAssets } from '../report/page-assets.ts';
import type { ReportData } from '../report/report-data.ts';
import { plotFigure } from '../report/sections/plot-sections.ts';
import type { BenchResults, ShapeResult } from './results.ts';
import { shapeCells, shapePlots } from './shapes/shape-table.ts';
import { COLUMNS, cellsOf, describeConditions, isAnyWrong } from './table.ts';

export async function benchPage(results: BenchResults): Promise<string> {
  const isWrong = isAnyWrong(results);
  const headline = isWrong ? 'a contestant did not do its work' : 'every outcome is right';
  const body = html`
<header class="verdict ${isWrong ? 'bad' : 'good'}">
<p class="eyebrow">Bench of the Essay Lifecycle Service</p>
<h1><span class="sign" aria-hidden="true">${isWrong ? '✗' : '✓'}</span> <span id="verdict">${headline}</span></h1>
${describeConditions(results).map((line) => html`<p class="reason">${line}</p>`)}
</header>
${results.rows.length > 0 && tableSection(results)}
${results.shapes.map(shapeSection)}
${results.rows.length > 0 && whoSection(results)}
<section id="facts"><h2>To repeat it</h2><pre tabindex="0"><code>${results.command}</code></pre></section>`;
  const data: ReportData = { plots: results.shapes.flatMap(shapePlots), faults: [], phases: [] };
  return htmlPage({ title: `Bench: ${headline}`, body, assets: await pageAssets(), data });
}

function tableSection(results: BenchResults): Html {
  const head = COLUMNS.map((column, at) => html`<th scope="col"${at > 0 && html` class="number"`}>${column}</th>`);
  const rows = results.rows.map((row) => {
    const [name = '', ...cells] = cellsOf(row);
    return html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`;
  });
  return html`
<section id="numbers"><h2>Side by side</h2>
<p class="hint">us: microseconds of CPU per input, user and system, whole process trees, from the first member of the consumer group to the last event in Kafka. steady: between 15 and 90 % of the events.</p>
<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function shapeSection(shape: ShapeResult): Html {
  const { head, rows } = shapeCells(shape);
  const problems = [...new Set(shape.points.flatMap(({ runs }) => runs.flatMap((run) => run.problems)))];
  return html`
<section id="shape-${shape.name}"><h2>${shape.about}</h2>
<div class="scroll"><table><thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>
${problems.map((problem) => html`<p class="hint">${problem}</p>`)}
${shapePlots(shape).map(plotFigure)}</section>`;
}

function whoSection({ rows, leftOut }: BenchResults): Html {
  const problems = (name: string) => rows.find((row) => row.name === name)?.runs.flatMap((run) => run.problems) ?? [];
  const entries = rows.map(
    ({ name, kind, about }) =>
      html`<tr><th scope="row">${name}</th><td>${kind}</td><td>${about}${[...new Set(problems(name))].map((problem) => html`<span class="note">${problem}</span>`)}</td></tr>`,
  );
  const absent = leftOut.map(
    ({ name, reason }) => html`<tr><th scope="row">${name}</th><td>left out</td><td>${reason}</td></tr>`,
  );
  return html`
<section id="contestants"><h2>Who is who</h2><div class="scroll"><table>
<thead><tr><th scope="col">Contestant</th><th scope="col">Kind</th><th scope="col">What it does</th></tr></thead>
<tbody>${entries}${absent}</tbody></table></div></section>`;
}
