/** `compare.html`: two runs side by side, in the style of a report, in one file without network. */
import type { Comparison, Difference } from './compare-runs.ts';
import { comparisonHeadline, NOISE_RULE, ratioText } from './compare-text.ts';
import { type Html, html } from './html.ts';
import { htmlPage } from './html-page.ts';
import { pageAssets } from './page-assets.ts';
import { badge } from './sections/verdict-section.ts';
import type { Tone, Wording } from './wording.ts';

const GROUPS: readonly { readonly kind: Difference['kind']; readonly title: string }[] = [
  { kind: 'verdict', title: 'Verdict' },
  { kind: 'check', title: 'Invariants' },
  { kind: 'gate', title: 'Gates' },
  { kind: 'number', title: 'Numbers' },
  { kind: 'latency', title: 'Latency' },
];
const SIGNS: Readonly<Record<Difference['change'], { readonly tone: Tone; readonly sign: string }>> = {
  worse: { tone: 'bad', sign: '✗' },
  better: { tone: 'good', sign: '✓' },
  changed: { tone: 'open', sign: '≠' },
  'only in A': { tone: 'open', sign: '−' },
  'only in B': { tone: 'open', sign: '+' },
  'within noise': { tone: 'plain', sign: '≈' },
  same: { tone: 'plain', sign: '=' },
};
const ORDER: readonly Difference['change'][] = [
  'worse',
  'better',
  'changed',
  'only in A',
  'only in B',
  'within noise',
  'same',
];

export async function comparePage(comparison: Comparison): Promise<string> {
  const { before, after, isWorse } = comparison;
  const tone = isWorse ? 'bad' : 'good';
  const headline = comparisonHeadline(comparison);
  const body = html`
<header class="verdict ${tone}">
<p class="eyebrow">Two test runs of the Essay Lifecycle Service</p>
<h1><span class="sign" aria-hidden="true">${isWorse ? '✗' : '✓'}</span> <span id="verdict">${headline}</span></h1>
<p class="reason">${NOISE_RULE}</p>
<p class="meta"><span>A <strong>${before.runId}</strong></span><span>B <strong>${after.runId}</strong></span></p>
</header>
${conditionsSection(comparison)}
${GROUPS.map((group) => groupSection(comparison, group.kind, group.title))}`;
  return htmlPage({ title: `${headline}: ${before.runId}, ${after.runId}`, body, assets: await pageAssets() });
}

function conditionsSection({ conditions }: Comparison): Html {
  if (conditions.length === 0) return html`<p class="hint">Both ran under the same conditions.</p>`;
  const rows = conditions.map(
    ({ name, before, after }) => html`<tr><th scope="row">${name}</th><td>${before}</td><td>${after}</td></tr>`,
  );
  return html`
<section id="conditions"><h2>Conditions that differ</h2><p class="hint">A change below may be theirs.</p>
<div class="scroll"><table><thead><tr><th scope="col">Condition</th><th scope="col">A</th><th scope="col">B</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function groupSection({ differences }: Comparison, kind: Difference['kind'], title: string): Html {
  const group = differences.filter((difference) => difference.kind === kind);
  if (group.length === 0) return html``;
  const sorted = [...group].sort((left, right) => ORDER.indexOf(left.change) - ORDER.indexOf(right.change));
  const rows = sorted.map(
    (difference) => html`
<tr><th scope="row">${difference.name}</th><td class="number">${difference.before}</td><td class="number">${difference.after}</td>
<td class="number">${ratioText(difference)}</td><td>${badge(wordingOfChange(difference.change))}${difference.basis !== '' && html`<span class="note">${difference.basis}</span>`}</td></tr>`,
  );
  return html`
<section id="changes-${kind}"><h2>${title}</h2><div class="scroll"><table>
<thead><tr><th scope="col">What</th><th scope="col" class="number">A</th><th scope="col" class="number">B</th><th scope="col" class="number">B / A</th><th scope="col">Change</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`;
}

function wordingOfChange(change: Difference['change']): Wording {
  return { ...SIGNS[change], word: change };
}
