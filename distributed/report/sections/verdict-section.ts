/** The top of the page: verdict first, then what every reader asks next. */
import type { Environment } from '../../run/environment.ts';
import { measurementOf, type Part, type Results } from '../../run/results.ts';
import { countOf, formatDuration, formatUnit } from '../format.ts';
import type { Headline } from '../gather-headline.ts';
import { type Html, html } from '../html.ts';
import { exitWording, sentenceCase, verdictSentence, type Wording, wordingOf } from '../wording.ts';

const TILES_MAX = 8;

export function badge({ tone, sign, word }: Wording): Html {
  return html`<span class="badge ${tone}"><span aria-hidden="true">${sign}</span> ${word}</span>`;
}

export function verdictSection(environment: Environment, results: Results): Html {
  const { tone, sign, word } = wordingOf(results.verdict);
  const { scenario, seed, instances, tier } = environment;
  return html`
<header class="verdict ${tone}">
  <p class="eyebrow">Test run of the Essay Lifecycle Service</p>
  <h1><span class="sign" aria-hidden="true">${sign}</span> <span id="verdict">${word}</span> <span class="scenario">${scenario}</span></h1>
  <p class="reason">${verdictSentence(results)}</p>
  <p class="meta">
    <span>seed <strong>${seed}</strong></span>
    <span>${countOf(instances, 'instance')}</span>
    <span>${tier} tier</span>
    <span>${formatDuration(results.durationMs)}</span>
    <span><time datetime="${results.startedAt}">${readableTime(results.startedAt)}</time></span>
    <span>exit code ${results.exitCode} (${exitWording(results.exitCode)})</span>
  </p>
</header>`;
}

/** `2026-08-01 10:15:00 UTC`. */
export function readableTime(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** How much and how late, for the whole run. */
export function headlineSection(headlines: readonly Headline[]): Html | null {
  if (headlines.length === 0) return null;
  const tiles = headlines.flatMap(({ title, count, perSecond, p50Ms, p99Ms }) => [
    html`<div><dt>${title}</dt><dd>${formatUnit(count, '')}</dd><dd class="beside">${formatUnit(perSecond, '/s')} on average</dd></div>`,
    html`<div><dt>${title}: latency P99</dt><dd>${formatUnit(p99Ms, 'ms')}</dd><dd class="beside">P50 ${formatUnit(p50Ms, 'ms')}</dd></div>`,
  ]);
  return html`<section aria-label="Throughput and latency"><dl class="tiles">${tiles}</dl></section>`;
}

export function numbersSection(numbers: Results['numbers']): Html | null {
  const entries = Object.entries(numbers);
  if (entries.length === 0) return null;
  const tiles = entries.slice(0, TILES_MAX).map(([name, value]) => {
    const { value: number, unit } = measurementOf(value);
    return html`<div><dt>${sentenceCase(name)}</dt><dd>${formatUnit(number, unit ?? '')}</dd></div>`;
  });
  const rest = entries.slice(TILES_MAX).map(([name, value]) => {
    const { value: number, unit } = measurementOf(value);
    return html`<tr><th scope="row">${sentenceCase(name)}</th><td class="number">${formatUnit(number, unit ?? '')}</td></tr>`;
  });
  const more = html`<details><summary>${rest.length} more numbers</summary><div class="scroll"><table>${rest}</table></div></details>`;
  return html`<section aria-label="Numbers"><dl class="tiles">${tiles}</dl>${rest.length > 0 && more}</section>`;
}

export interface PartHeadlines {
  readonly part: Part;
  readonly headlines: readonly Headline[];
}

export function partsSection(parts: readonly PartHeadlines[]): Html | null {
  if (parts.length === 0) return null;
  const titles = [...new Set(parts.flatMap(({ headlines }) => headlines.map(({ title }) => title)))];
  const heads = titles.map(
    (title) =>
      html`<th scope="col" class="number">${title}</th><th scope="col" class="number">per s</th><th scope="col" class="number">P50</th><th scope="col" class="number">P99</th>`,
  );
  const rows = parts.map(
    ({ part, headlines }) => html`
<tr><th scope="row"><a href="#part-${part.name}">${part.name}</a></th><td>${badge(wordingOf(part.verdict))}</td>
<td class="number">${formatDuration(part.durationMs)}</td>
${titles.map((title) => headlineCells(headlines.find((each) => each.title === title)))}
<td>${part.note ?? ''}${part.directory !== undefined && html` <a href="${part.directory}/report.html">own report</a>`}</td></tr>`,
  );
  return html`
<section id="parts"><h2>Parts</h2><div class="scroll"><table>
<thead><tr><th scope="col">Part</th><th scope="col">Verdict</th><th scope="col" class="number">Duration</th>${heads}<th scope="col">Note</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`;
}

function headlineCells(headline: Headline | undefined): Html {
  if (headline === undefined) return html`<td></td><td></td><td></td><td></td>`;
  const { count, perSecond, p50Ms, p99Ms } = headline;
  const texts = [formatUnit(count, ''), formatUnit(perSecond, ''), formatUnit(p50Ms, 'ms'), formatUnit(p99Ms, 'ms')];
  return html`${texts.map((text) => html`<td class="number">${text}</td>`)}`;
}
