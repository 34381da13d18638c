/** `report.html` of a run directory: read, condensed and laid out, verdict first. */
import { writeFile } from 'node:fs/promises';
import type { Part } from '../run/results.ts';
import { RunDirectory } from '../run/run-directory.ts';
import { RunDirectoryError } from '../run/run-directory-error.ts';
import { gatherFurther } from './gather-further.ts';
import { gatherHeadlines } from './gather-headline.ts';
import { gatherPlots } from './gather-plots.ts';
import { gatherSpans } from './gather-spans.ts';
import { type Html, html } from './html.ts';
import { htmlPage } from './html-page.ts';
import { pageAssets } from './page-assets.ts';
import { latencyRows } from './percentile-table.ts';
import { compareWithPrevious } from './previous-run.ts';
import type { ReportData } from './report-data.ts';
import { batchSection } from './sections/batch-section.ts';
import { factsSection, furtherSection } from './sections/facts-section.ts';
import { faultSection } from './sections/fault-section.ts';
import { judgementSections } from './sections/judgement-sections.ts';
import { latencySection } from './sections/latency-section.ts';
import { plotsSection } from './sections/plot-sections.ts';
import { previousSection } from './sections/previous-section.ts';
import {
  headlineSection,
  numbersSection,
  type PartHeadlines,
  partsSection,
  verdictSection,
} from './sections/verdict-section.ts';
import { findSlowBatches } from './slow-batches.ts';

const TOP_LEVEL: ReadonlySet<string> = new Set([
  'parts',
  'invariants',
  'races',
  'gates',
  'faults',
  'latency',
  'over-time',
  'slow-batches',
  'previous',
  'further',
  'facts',
]);

/** Writes the page and returns its path. */
export async function writeReport(run: RunDirectory): Promise<string> {
  const path = run.file('report.html');
  await writeFile(path, await buildReport(run));
  return path;
}

export async function buildReport(run: RunDirectory): Promise<string> {
  const results = await run.readResults();
  if (results === null) throw new RunDirectoryError(`${run.path} has no results.json: judge it with \`check\` first`);
  const startedAtMs = Date.parse(run.environment.startedAt);
  const latencies = await run.readLatencies();
  const { faults, phases } = await gatherSpans(run);
  const parts = await gatherParts(run, results.parts ?? []);
  const data: ReportData = { plots: await gatherPlots(run, latencies), faults, phases };
  const sections: [string, Html | null][] = [
    ['Parts', partsSection(parts)],
    ['Judgement', judgementSections(results, '')],
    ['Faults', faultSection(results.faults, { prefix: '', startedAtMs, firstNumber: 1 })],
    ...partSections(results.parts ?? [], startedAtMs),
    ['Latency', latencySection(latencyRows(latencies))],
    ['Previous', previousSection(await compareWithPrevious(run))],
    ['Over time', plotsSection(data)],
    ['Slowest batches', batchSection(await findSlowBatches(run))],
    ['Further', furtherSection(await gatherFurther(run))],
    ['Facts', factsSection(run.environment)],
  ];
  const body = html`${verdictSection(run.environment, results)}
${navigation(sections.flatMap(([, section]) => section ?? []))}
${headlineSection(gatherHeadlines(latencies))}
${numbersSection(results.numbers)}
${sections.flatMap(([, section]) => section ?? [])}`;
  const title = `${results.verdict}: ${run.environment.scenario}, seed ${run.environment.seed}`;
  return htmlPage({ title, body, assets: await pageAssets(), data });
}

/** Faults are counted through all parts, as in the plots. */
function partSections(parts: readonly Part[], startedAtMs: number): [string, Html][] {
  let firstNumber = 1;
  return parts.map((part) => {
    const prefix = `${part.name}-`;
    const faults = faultSection(part.faults, { prefix, startedAtMs, firstNumber });
    firstNumber += part.faults?.length ?? 0;
    const section = html`<section id="part-${part.name}" class="part"><h2>Part: ${part.name}</h2>
${numbersSection(part.numbers)}${judgementSections(part, prefix)}${faults}</section>`;
    return [part.name, section];
  });
}

/** A part that left no directory was not measured. */
async function gatherParts(run: RunDirectory, parts: readonly Part[]): Promise<PartHeadlines[]> {
  return Promise.all(
    parts.map(async (part) => {
      const own =
        part.directory === undefined ? null : await RunDirectory.open(run.file(part.directory)).catch(() => null);
      return { part, headlines: own === null ? [] : gatherHeadlines(await own.readLatencies()) };
    }),
  );
}

/** Links to what the page has: its sections' own headings. */
function navigation(sections: readonly Html[]): Html {
  const heads = sections.flatMap(({ text }) => [...text.matchAll(/<section id="([^"]+)"[^>]*><h2>([^<]+)<\/h2>/g)]);
  const topLevel = heads.filter(([, id = '']) => TOP_LEVEL.has(id));
  return html`<nav aria-label="Sections">${topLevel.map(([, id, title]) => html`<a href="#${id}">${title}</a>`)}</nav>`;
}
