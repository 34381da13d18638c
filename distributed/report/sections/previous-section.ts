/** What changed since the previous run of the same scenario, beyond noise. */
import { relative } from 'node:path';
import type { Comparison, Difference } from '../compare-runs.ts';
import { NOISE_RULE, ratioText } from '../compare-text.ts';
import { countOf } from '../format.ts';
import { type Html, html } from '../html.ts';
import type { Wording } from '../wording.ts';
import { badge } from './verdict-section.ts';

const SHOWN: readonly Difference['change'][] = ['worse', 'better', 'changed'];
const ROWS_MAX = 20;
const WORDINGS: Readonly<Record<string, Wording>> = {
  worse: { tone: 'bad', sign: '✗', word: 'worse' },
  better: { tone: 'good', sign: '✓', word: 'better' },
  changed: { tone: 'open', sign: '≠', word: 'changed' },
};

export function previousSection(comparison: Comparison | null): Html | null {
  if (comparison === null) return null;
  const { before, after, differences, conditions } = comparison;
  const shown = SHOWN.flatMap((change) => differences.filter((each) => each.change === change));
  const rows = shown.slice(0, ROWS_MAX).map((each) => {
    const wording = WORDINGS[each.change];
    return html`<tr><th scope="row">${each.name}</th><td class="number">${each.before}</td><td class="number">${each.after}</td><td class="number">${ratioText(each)}</td><td>${wording !== undefined && badge(wording)}</td></tr>`;
  });
  const names = conditions.map(({ name }) => name).filter((name) => name !== 'seed');
  const table = html`<div class="scroll"><table><thead><tr><th scope="col">What</th><th scope="col" class="number">Before</th><th scope="col" class="number">Now</th><th scope="col" class="number">Ratio</th><th scope="col">Change</th></tr></thead><tbody>${rows}</tbody></table></div>`;
  return html`
<section id="previous"><h2>Since the previous run</h2>
<p class="hint">Compared with ${before.runId}: ${shown.length === 0 ? 'nothing changed beyond noise' : `${countOf(shown.length, 'difference')} beyond noise`}${names.length > 0 && `; other conditions: ${names.join(', ')}`}. ${NOISE_RULE}</p>
${rows.length > 0 && table}
<pre tabindex="0"><code>pnpm test:distributed compare ${relative(process.cwd(), before.path)} ${relative(process.cwd(), after.path)}</code></pre></section>`;
}
