/** One line that lets anybody send the same load again. */
import type { Manifest, Range } from './manifest.ts';
import type { Load } from './plan.ts';

export function describeLoad({ options, manifest }: Load): string {
  const rate = options.ratePerSecond > 0 ? `${Math.round(options.ratePerSecond)}/s` : 'as fast as possible';
  const { inputs, batches } = manifest.totals;
  return `load: seed ${options.seed}, ${batches} batches x ${options.slots} slots, ${inputs} inputs, ${rate}, ${options.routing} routing`;
}

/** What must become of the load, as a small table. */
export function describeTotals({ totals }: Manifest): string {
  const rows: [string, string, string][] = [
    ['completions', String(totals.completions), `of ${totals.batches} batches, each exactly once`],
    ['slots filled', describeRange(totals.filled), `of ${totals.slots}, by ${totals.contents} distinct contents`],
    ['slots burnt', describeRange(totals.failed), `by ${totals.failures} failed files`],
    ['excess', describeRange(totals.excess), isExact(totals.excess) ? '' : 'contents and failures race for the slots'],
    ['duplicates', String(totals.duplicates), 'must change nothing'],
    ['repeats', String(totals.repeats), 'identical registrations, must change nothing'],
    ['dead letters', String(totals.conflicts), 'conflicting registrations'],
  ];
  const width = Math.max(...rows.map(([, count]) => count.length));
  const lines = rows.map(([name, count, note]) => `  ${name.padEnd(13)} ${count.padStart(width)}  ${note}`.trimEnd());
  return ['expected:', ...lines].join('\n');
}

function describeRange(range: Range): string {
  return isExact(range) ? String(range.min) : `${range.min}..${range.max}`;
}

function isExact(range: Range): boolean {
  return range.min === range.max;
}
