/**
 * What a demo tells at its end: the judge's verdict in one line, then numbers, then every check with how much it
 * judged.
 */
import type { LoadOptions } from '../generator/load-options.ts';
import type { ManifestTotals } from '../generator/manifest.ts';
import { printable } from '../report/text-summary.ts';
import type { Check, Verdict } from '../run/results.ts';
import { verdictOfCheck } from '../run/verdict.ts';
import type { DemoFacts } from './demo-part.ts';

const PROBLEMS_PRINTED_MAX = 5;

export interface DemoReport extends DemoFacts {
  readonly load: LoadOptions;
  readonly workers: number;
  readonly servers: Readonly<Record<string, string>>;
  readonly totals: ManifestTotals;
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  /** Records in the output topics, and in those of dead letters. */
  readonly events: number;
  readonly deadLetters: number;
  readonly folder: string;
  readonly page: string;
}

export type Paint = (colour: 'green' | 'yellow' | 'red', text: string) => string;

/** The verdict first, then the numbers, then every check with how much it judged. */
export function describeReport(report: DemoReport, paint: Paint): string {
  const checks = report.checks.flatMap((check) => checkLines(check, paint));
  return [verdictLine(report, paint), '', ...numbers(report), '', ...checks].join('\n');
}

function verdictLine({ checks, verdict }: DemoReport, paint: Paint): string {
  const judged = `${number(checks.reduce((sum, check) => sum + check.judged, 0))} things judged`;
  const count = (outcome: Check['verdict']) => checks.filter((check) => verdictOfCheck(check) === outcome).length;
  switch (verdict) {
    case 'valid':
      return paint('green', `RIGHT: all ${checks.length} checks hold, ${judged}`);
    case 'invalid':
      return paint('red', `WRONG: ${count(false)} of ${checks.length} checks fail, ${judged}`);
    case 'unknown':
      return paint('yellow', `UNKNOWN: ${count('unknown')} of ${checks.length} checks cannot be answered, ${judged}`);
  }
}

function numbers(report: DemoReport): string[] {
  const { totals, outcome, completions, load } = report;
  const rows: [string, string][] = [
    ['load', `seed ${load.seed}, ${number(totals.batches)} batches x ${load.slots} slots, ${load.routing} routing`],
    [
      'sent',
      `${number(report.published)} inputs in ${seconds(report.publishMs)}, ${rate(report.published, report.publishMs)}`,
    ],
  ];
  if (report.drainMs !== null) {
    rows.push([
      'drained',
      `in ${seconds(report.drainMs)}, ${rate(report.published, report.drainMs)} with ${report.workers} workers`,
    ]);
  } else {
    rows.push(['at rest', `${seconds(report.quietAfterMs)} after the last input`]);
  }
  if (completions !== null) {
    const { p50Ms, p95Ms, p99Ms, maxMs } = completions;
    rows.push([
      'completion',
      `P50 ${ms(p50Ms)}, P95 ${ms(p95Ms)}, P99 ${ms(p99Ms)}, max ${ms(maxMs)} after its last input was due`,
    ]);
  }
  const { filled, burnt, excess } = outcome;
  rows.push(
    [
      'outcome',
      `${number(filled)} filled, ${number(burnt)} burnt, ${number(excess)} excess, ${number(totals.duplicates)} duplicates without effect`,
    ],
    ['published', `${number(report.events)} events, ${number(report.deadLetters)} dead letters`],
    ['workers', describeShares(report)],
  );
  for (const fault of report.faults) {
    const struck = `at ${Math.round(fault.progress * 100)} % of the load, for ${seconds(fault.heldMs)}`;
    rows.push(['fault', `${fault.kind === 'kill' ? 'SIGKILL' : 'SIGSTOP'} of ${fault.worker} ${struck}`]);
  }
  for (const crash of report.crashes) {
    rows.push(['ended', `${crash}, started again`]);
  }
  for (const [kind, description] of Object.entries(report.servers)) {
    rows.push([kind, description]);
  }
  rows.push(['page', report.page], ['details', report.folder]);
  return rows.map(([name, text]) => `  ${name.padEnd(11)} ${text}`);
}

function checkLines(check: Check, paint: Paint): string[] {
  const verdict = verdictOfCheck(check);
  const mark = verdict === true ? paint('green', '✓') : verdict === false ? paint('red', '✗') : paint('yellow', '?');
  const judged = check.judged === 0 ? 'nothing to judge' : `${number(check.judged)} judged`;
  const wrong = check.problemCount === 0 ? '' : `, ${number(check.problemCount)} wrong`;
  const note = check.note === undefined ? '' : `: ${check.note}`;
  const problems = check.problems.slice(0, PROBLEMS_PRINTED_MAX).map(({ message }) => `      ${printable(message)}`);
  return [`  ${mark} ${check.title} (${judged}${wrong})${printable(note)}`, ...problems];
}

function describeShares(report: DemoReport): string {
  const total = Object.values(report.shares).reduce((sum, taken) => sum + taken, 0);
  const shares = Object.entries(report.shares).sort(([one], [other]) => one.localeCompare(other));
  const texts = shares.map(([name, taken]) => `${name} ${Math.round((taken / Math.max(1, total)) * 100)} %`);
  return `${texts.join(', ')} of the inputs`;
}

function rate(count: number, elapsedMs: number): string {
  return `${number(Math.round((count / Math.max(1, elapsedMs)) * 1_000))} inputs/s`;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
