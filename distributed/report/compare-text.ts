/**
 * A comparison for a terminal: worse or not first, then what got worse, what got better, and how little the rest moved.
 */
import type { Comparison, Difference } from './compare-runs.ts';
import { formatNumber } from './format.ts';
import { RELATIVE_NOISE } from './noise.ts';
import { aligned } from './text-summary.ts';

export const NOISE_RULE = `Beyond noise: ranges of at least 3 repeated measurements that do not touch, else more than ${RELATIVE_NOISE * 100}%; for percentiles also 99% confidence intervals that do not touch.`;

export function comparisonHeadline({ isWorse, differences }: Comparison): string {
  if (isWorse) return 'B is worse than A';
  return differences.some(({ change }) => change === 'better') ? 'B is better than A' : 'B is not worse than A';
}

export function compareText(comparison: Comparison): string {
  const { before, after, isWorse, conditions, differences } = comparison;
  const rows = (changes: readonly Difference['change'][]) =>
    differences.filter(({ change }) => changes.includes(change));
  const lines = [
    `${isWorse ? '✗' : '✓'} ${comparisonHeadline(comparison)}`,
    `A  ${before.runId}`,
    `B  ${after.runId}`,
    NOISE_RULE,
    ...table(
      'Conditions that differ',
      conditions.map((each) => ['', each.name, each.before, '→', each.after]),
    ),
    ...table('Worse', rows(['worse']).map(cells)),
    ...table('Better', rows(['better']).map(cells)),
    ...table('Changed, neither better nor worse', rows(['changed', 'only in A', 'only in B']).map(cells)),
    ...table('Within noise', rows(['within noise']).map(cells)),
    '',
    `${rows(['same']).length} of ${differences.length} compared are the same.`,
  ];
  return `${lines.join('\n')}\n`;
}

function table(title: string, rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : ['', title, ...aligned(rows)];
}

function cells(difference: Difference): string[] {
  const { kind, name, before, after, basis, change } = difference;
  const reason = change.startsWith('only') ? change : basis;
  return [kind, name, before, '→', after, ratioText(difference), reason === '' ? '' : `(${reason})`];
}

/** `×1.25`. */
export function ratioText({ ratio }: Difference): string {
  return ratio === null ? '' : `×${formatNumber(ratio)}`;
}
