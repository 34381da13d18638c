/**
 * Whether the dashboards would have shown a part of a run: each query of each panel and annotation asked over the
 * part's time. A query that rightly has no answer in this part is excused, with the reason; any other empty one is a
 * finding.
 */
import { type Check, PROBLEMS_KEPT_MAX } from '../run/results.ts';
import type { DashboardQuery } from './dashboard-queries.ts';
import type { Series } from './prometheus-client.ts';

/** What is known of the part that decides what can be seen of it. */
export interface PartFacts {
  /** Servers whose exporter runs beside the part. */
  readonly exporters: readonly string[];
  readonly phases: readonly string[];
  /** `fault target`. */
  readonly faults: readonly string[];
  readonly hasHints: boolean;
  /** Some loads leave every batch open. */
  readonly hasCompletions: boolean;
}

export interface Answer extends DashboardQuery {
  readonly seriesCount: number;
  readonly valueCount: number;
  /** What an annotation showed. */
  readonly seen?: readonly string[];
  /** What it should have shown and did not. */
  readonly missing?: readonly string[];
  /** Why it may be empty; null where it may not. */
  readonly excuse: string | null;
}

export function isMet({ seriesCount, missing = [], excuse }: Answer): boolean {
  return excuse !== null || (seriesCount > 0 && missing.length === 0);
}

export function answerOf(query: DashboardQuery, series: readonly Series[], facts: PartFacts): Answer {
  const on = series.filter(({ values }) => values.some((value) => value > 0));
  const seen = [...new Set(on.map(({ labels }) => shownAs(query, labels)))].sort();
  const expected = expectedOf(query, facts);
  return {
    ...query,
    seriesCount: series.length,
    valueCount: series.reduce((count, { values }) => count + values.length, 0),
    ...(query.kind === 'annotation' ? { seen } : {}),
    ...(expected === null ? {} : { missing: expected.filter((name) => !seen.includes(name)) }),
    excuse: excuseOf(query, facts),
  };
}

/** What Grafana writes at the annotation. */
function shownAs({ expr }: DashboardQuery, labels: Readonly<Record<string, string>>): string {
  if (expr.startsWith('els_run_phase')) return labels['phase'] ?? '';
  if (expr.startsWith('els_run_fault')) return `${labels['fault']} ${labels['target']}`;
  return labels['alertname'] ?? '';
}

function expectedOf({ kind, expr }: DashboardQuery, { phases, faults }: PartFacts): readonly string[] | null {
  if (kind !== 'annotation') return null;
  if (expr.startsWith('els_run_phase')) return [...new Set(phases)];
  return expr.startsWith('els_run_fault') ? [...new Set(faults)] : null;
}

function excuseOf({ expr }: DashboardQuery, facts: PartFacts): string | null {
  const { exporters, faults, hasHints, hasCompletions } = facts;
  const [, job] = /job="(postgres|redis|kafka)"/.exec(expr) ?? [];
  if (job !== undefined && !exporters.includes(job)) return `no exporter of ${job} on this machine`;
  if (expr.includes('job="gateway"')) return 'no gateway takes part in a run';
  if (/- sum.*deriv\(/.test(expr)) return 'the lag may never have fallen';
  if (expr.startsWith('ALERTS')) return 'alerts fire only when something is wrong';
  if (expr.startsWith('els_run_fault') && faults.length === 0) return 'no fault was injected';
  if (expr.includes('els_completion_latency_seconds') && !hasCompletions) return 'no batch was completed';
  if (/els_hints_total|els_redis_command_duration/.test(expr) && !hasHints) return 'hints are switched off';
  return null;
}

/** An empty panel breaks no guarantee of the service, but the run was not observed: unknown, never a pass. */
export function judgeAnswers(answers: readonly Answer[]): Check {
  const asked = answers.filter(({ excuse }) => excuse === null);
  const unmet = asked.filter((answer) => !isMet(answer));
  const excused = answers.length - asked.length;
  const reasons = [
    ...new Set(answers.flatMap(({ excuse, seriesCount }) => (excuse && seriesCount === 0 ? [excuse] : []))),
  ];
  const note = `${asked.length - unmet.length} of ${asked.length} queries answered, ${excused} may be empty`;
  return {
    id: 'observed',
    title: 'Every panel of the dashboards had data, phases and faults were annotations',
    verdict: unmet.length === 0 ? true : 'unknown',
    judged: asked.length,
    problemCount: unmet.length,
    problems: unmet.slice(0, PROBLEMS_KEPT_MAX).map(({ dashboard, title, expr, missing = [] }) => ({
      message: `${dashboard}: ${title}: ${missing.length > 0 ? `not shown: ${missing.join(', ')}` : 'no data'}: ${expr}`,
    })),
    note: reasons.length === 0 ? note : `${note} (${reasons.join('; ')})`,
  };
}
