import { allDashboards } from '../../../artefacts/grafana/all-dashboards.ts';
import { type DashboardQuery, interpolated, queriesOf } from '../../../distributed/observe/dashboard-queries.ts';
import { answerOf, isMet, judgeAnswers, type PartFacts } from '../../../distributed/observe/panel-answers.ts';
import type { Series } from '../../../distributed/observe/prometheus-client.ts';

const QUERIES = allDashboards().flatMap(queriesOf);
const FACTS: PartFacts = {
  exporters: ['postgres', 'redis', 'kafka'],
  phases: ['warm-up', 'load'],
  faults: ['kill worker-1'],
  hasHints: true,
  hasCompletions: true,
};
const SOMETHING: Series[] = [{ labels: {}, values: [0] }];
const on = (labels: Record<string, string>): Series => ({ labels, values: [0, 1, 0] });

/** As if every panel had data and every phase and fault was seen. */
function full(query: DashboardQuery): Series[] {
  if (query.kind === 'panel') return SOMETHING;
  return [on({ phase: 'warm-up' }), on({ phase: 'load' }), on({ fault: 'kill', target: 'worker-1' })];
}

function judged(seriesOf: (query: DashboardQuery) => readonly Series[], facts = FACTS) {
  return judgeAnswers(QUERIES.map((query) => answerOf(query, seriesOf(query), facts)));
}

function find(kind: DashboardQuery['kind'], dashboard: string, title: string): DashboardQuery {
  const query = QUERIES.find((each) => each.kind === kind && each.dashboard === dashboard && each.title === title);
  if (query === undefined) throw new Error(`there is no ${title}`);
  return query;
}

test('a run whose every panel had data and whose annotations were all seen was observed', () => {
  const check = judged(full);
  expect(check).toMatchObject({ id: 'observed', verdict: true, problemCount: 0 });
  expect(check.judged).toBeGreaterThan(90);
});

test('one empty panel makes the run unknown and is named with its query', () => {
  const empty = find('panel', 'els-kafka.json', 'Lag by partition');
  const check = judged((query) => (query === empty ? [] : full(query)));
  expect(check).toMatchObject({ verdict: 'unknown', problemCount: 1 });
  expect(check.problems[0]?.message).toContain(`els-kafka.json: Lag by partition: no data: ${empty.expr}`);
});

test('no answer at all is no pass', () => {
  expect(judgeAnswers([])).toMatchObject({ judged: 0 });
  expect(judged(() => [])).toMatchObject({ verdict: 'unknown', problems: expect.any(Array) });
});

test('a phase that Prometheus never saw is missing from the annotations', () => {
  const phases = find('annotation', 'els-run.json', 'Phases');
  const answer = answerOf(phases, [on({ phase: 'load' })], FACTS);
  expect(answer).toMatchObject({ seen: ['load'], missing: ['warm-up'], excuse: null });
  expect(isMet(answer)).toBe(false);
});

test('a fault that was only ever seen as over is not an annotation', () => {
  const faults = find('annotation', 'els-run.json', 'Faults');
  const labels = { fault: 'kill', target: 'worker-1' };
  expect(answerOf(faults, [{ labels, values: [0, 0] }], FACTS).missing).toEqual(['kill worker-1']);
  expect(answerOf(faults, [{ labels, values: [0, 1] }], FACTS).missing).toEqual([]);
});

test.each<[string, Partial<PartFacts>, string]>([
  ['faults in a part without', { faults: [] }, 'no fault was injected'],
  ['the server of an exporter that cannot be had', { exporters: ['kafka', 'redis'] }, 'no exporter of postgres'],
  ['completions where there was none', { hasCompletions: false }, 'no batch was completed'],
  ['hints that are switched off', { hasHints: false }, 'hints are switched off'],
])('excused are only panels about %s', (_what, change, reason) => {
  const facts = { ...FACTS, ...change };
  const excused = QUERIES.filter((query) => answerOf(query, [], facts).excuse?.startsWith(reason));
  expect(excused.length).toBeGreaterThan(0);
  const check = judged((query) => (excused.includes(query) ? [] : full(query)), facts);
  expect(check).toMatchObject({ verdict: true, note: expect.stringContaining(reason) });
  expect(judged((query) => (excused.includes(query) ? [] : full(query))).verdict).toBe('unknown');
});

test('how long a backlog will last may be asked in vain: it may never have become less', () => {
  const excused = QUERIES.filter((query) => answerOf(query, [], FACTS).excuse?.startsWith('the lag may never'));
  expect([...new Set(excused.map(({ title }) => title))]).toEqual(['Time to drain']);
  expect(judged((query) => (excused.includes(query) ? [] : full(query))).verdict).toBe(true);
});

test('every variable of every query is filled in', () => {
  for (const { expr } of QUERIES) expect(interpolated(expr, '4s', 'crash/workers')).not.toContain('$');
});
