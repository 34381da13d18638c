import { build as buildHistogram } from 'hdr-histogram-js';
import type { LoadOptions } from '../generator/load-options.ts';
import type { ManifestTotals } from '../generator/manifest.ts';
import type { CheckResult } from '../outcome/check-outcome.ts';
import type { CompletedOutput } from '../outcome/outputs.ts';
import type { Quiescence } from '../outcome/quiescence.ts';
import type { FaultRecord } from './fault-script.ts';

/** Everything a demo found out. Right means: every check holds. */
export interface DemoReport {
  readonly load: LoadOptions;
  readonly workers: number;
  readonly servers: Readonly<Record<string, string>>;
  readonly totals: ManifestTotals;
  readonly checks: readonly CheckResult[];
  readonly published: number;
  readonly publishMs: number;
  /** Backlog only: from the first members' partitions to the last outbox row published. */
  readonly drainMs: number | null;
  /** From the last acknowledged input to the moment when nothing was under way. */
  readonly quietAfterMs: number;
  /** From the due time of the input that made a completion possible to the completion's timestamp in Kafka. */
  readonly completions: CompletionLatency | null;
  readonly outcome: {
    readonly filled: number;
    readonly burnt: number;
    readonly excess: number;
    readonly events: number;
    readonly deadLetters: number;
  };
  readonly shares: Readonly<Record<string, number>>;
  readonly faults: readonly FaultRecord[];
  readonly crashes: readonly string[];
  readonly folder: string;
}

export interface CompletionLatency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Checks of the run itself, in front of those of its outcome. */
export function runChecks(run: {
  readonly quiescence: Quiescence;
  readonly faults: readonly FaultRecord[];
  readonly crashes: readonly string[];
  readonly workers: number;
}): CheckResult[] {
  const { quiescence, faults, crashes } = run;
  const { lag, unpublished } = quiescence;
  const rest = quiescence.quiet ? [] : [`lag ${lag}, ${unpublished} outbox rows unpublished at the deadline`];
  const tooLate = faults.filter((fault) => fault.progress >= LATEST_FAULT_PROGRESS);
  // A worker that was frozen may find itself out of its group and leave; that is its duty, not a fault.
  const mayLeave = faults.some((fault) => fault.kind === 'pause');
  return [
    result('the service came to rest', 1, rest),
    result('no worker ended by itself', run.workers, mayLeave ? [] : crashes),
    ...(faults.length === 0
      ? []
      : [
          result(
            'every fault struck in mid-load',
            faults.length,
            tooLate.map((fault) => `${fault.kind} of ${fault.worker} at ${Math.round(fault.progress * 100)} %`),
          ),
        ]),
  ];
}

const LATEST_FAULT_PROGRESS = 0.9;

export function measureCompletions(
  completed: readonly CompletedOutput[],
  completableAtMs: ReadonlyMap<string, number>,
): CompletionLatency | null {
  const histogram = buildHistogram({ lowestDiscernibleValue: 1, highestTrackableValue: 3_600_000 });
  const seen = new Set<string>();
  for (const record of completed) {
    const fromMs = completableAtMs.get(record.batchId);
    if (fromMs !== undefined && !seen.has(record.batchId)) {
      seen.add(record.batchId);
      histogram.recordValue(Math.max(0, Math.round(record.timestampMs - fromMs)));
    }
  }
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile);
  return seen.size === 0
    ? null
    : { count: seen.size, p50Ms: at(50), p95Ms: at(95), p99Ms: at(99), maxMs: histogram.maxValue };
}

function result(name: string, judged: number, problems: readonly string[]): CheckResult {
  return { name, ok: problems.length === 0, judged, problemCount: problems.length, problems };
}

export function isRight(report: DemoReport): boolean {
  return report.checks.every((check) => check.ok);
}

/** The verdict first, then the numbers, then every check with how much it judged. */
export function describeReport(report: DemoReport, paint: (colour: 'green' | 'red', text: string) => string): string {
  const failed = report.checks.filter((check) => !check.ok);
  const judged = report.checks.reduce((sum, check) => sum + check.judged, 0);
  const verdict =
    failed.length === 0
      ? paint('green', `RIGHT: all ${report.checks.length} checks hold, ${number(judged)} things judged`)
      : paint('red', `WRONG: ${failed.length} of ${report.checks.length} checks fail, ${number(judged)} things judged`);
  return [verdict, '', ...numbers(report), '', ...report.checks.flatMap((check) => checkLines(check, paint))].join(
    '\n',
  );
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
    rows.push(['at rest', `${seconds(Math.max(0, report.quietAfterMs))} after the last input`]);
  }
  if (completions !== null) {
    const { p50Ms, p95Ms, p99Ms, maxMs } = completions;
    rows.push([
      'completion',
      `P50 ${p50Ms} ms, P95 ${p95Ms} ms, P99 ${p99Ms} ms, max ${maxMs} ms after its last input was due`,
    ]);
  }
  const { filled, burnt, excess } = outcome;
  rows.push(
    [
      'outcome',
      `${number(filled)} filled, ${number(burnt)} burnt, ${number(excess)} excess, ${number(totals.duplicates)} duplicates without effect`,
    ],
    ['published', `${number(outcome.events)} events, ${number(outcome.deadLetters)} dead letters`],
    ['workers', describeShares(report)],
  );
  for (const fault of report.faults) {
    const struck = `at ${Math.round(fault.progress * 100)} % of the load, for ${seconds(fault.toMs - fault.fromMs)}`;
    rows.push(['fault', `${fault.kind === 'kill' ? 'SIGKILL' : 'SIGSTOP'} of ${fault.worker} ${struck}`]);
  }
  for (const crash of report.crashes) {
    rows.push(['ended', `${crash}, started again`]);
  }
  for (const [kind, description] of Object.entries(report.servers)) {
    rows.push([kind, description]);
  }
  rows.push(['details', report.folder]);
  return rows.map(([name, text]) => `  ${name.padEnd(11)} ${text}`);
}

function checkLines(check: CheckResult, paint: (colour: 'green' | 'red', text: string) => string): string[] {
  const mark = check.ok ? (check.judged === 0 ? '-' : paint('green', '✓')) : paint('red', '✗');
  const judged = check.judged === 0 ? 'nothing to judge' : `${number(check.judged)} judged`;
  const wrong = check.ok ? '' : `, ${number(check.problemCount)} wrong`;
  const problems = check.problems.slice(0, PROBLEMS_PRINTED_MAX).map((problem) => `      ${problem}`);
  return [`  ${mark} ${check.name} (${judged}${wrong})`, ...problems];
}

const PROBLEMS_PRINTED_MAX = 5;

function describeShares(report: DemoReport): string {
  const total = Object.values(report.shares).reduce((sum, taken) => sum + taken, 0);
  const shares = Object.entries(report.shares).sort(([one], [other]) => one.localeCompare(other));
  const texts = shares.map(([name, taken]) => `${name} ${Math.round((taken / Math.max(1, total)) * 100)} %`);
  return `${texts.join(', ')} of the slots`;
}

function rate(count: number, elapsedMs: number): string {
  return `${number(Math.round((count / Math.max(1, elapsedMs)) * 1_000))} inputs/s`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
