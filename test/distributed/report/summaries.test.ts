import { formatDuration, formatNumber, formatUnit } from '../../../distributed/report/format.ts';
import { buildJunit } from '../../../distributed/report/junit.ts';
import { textSummary } from '../../../distributed/report/text-summary.ts';
import type { Results } from '../../../distributed/run/results.ts';
import { type SampleJudgement, sampleResults } from '../../support/recorded/sample-results.ts';
import { sampleEnvironment } from '../../support/recorded/sample-run.ts';

const GOOD: SampleJudgement = {
  broken: [],
  slowness: 1,
  racesSeen: 311,
  isSaturated: false,
  fileName: 'essay.docx',
  batches: 40,
  inputs: 360,
  durationMs: 60_000,
};

function resultsOf(judgement: Partial<SampleJudgement> = {}): Results {
  return sampleResults(sampleEnvironment(), { ...GOOD, ...judgement });
}

describe('the summary for a terminal', () => {
  test('begins with verdict, scenario and seed', () => {
    expect(textSummary(resultsOf())).toMatch(/^✓ VALID {2}race_conditions, seed 42, 1 min\nEvery check held over /);
  });

  test('shows each invariant with what it judged, races, gates and where the report is', () => {
    const text = textSummary(resultsOf(), 'runs/latest/report.html');
    expect(text).toMatch(/✓ {2}\d+ checks held over [\d\u202f]+ judged\n {5}I1 I2 /);
    const missing = textSummary(resultsOf({ broken: ['I3'] }));
    expect(missing).toMatch(/✗ {2}I3 +broken +27\u202f911 judged {2}\S/);
    expect(missing).not.toMatch(/held over.*\n.*I3/);
    expect(text).toMatch(/311 of 20 overlaps +claims on one batch/);
    expect(text).toMatch(/24 ms +target < 50 ms +last content to completion, P99/);
    expect(text).toContain('report     runs/latest/report.html');
    expect(text).toMatch(/exit code {2}0 \(valid\)/);
  });

  test('shows a counterexample below its invariant', () => {
    const text = textSummary(resultsOf({ broken: ['I1'] }));
    expect(text).toMatch(/^✗ INVALID/);
    expect(text).toMatch(/I1 +broken[^\n]+\n {5}- content text-3-1[^\n]+\n +\+0 ms client-1 content text-3-1 due/);
  });

  test('says why nothing is proven', () => {
    expect(textSummary(resultsOf({ racesSeen: 3 }))).toContain('Not proven: 1 race seen too rarely to prove anything.');
    expect(textSummary(resultsOf({ isSaturated: true }))).toContain('1 performance gate not measurable.');
    expect(textSummary(resultsOf({ slowness: 3 }))).toContain('1 performance gate missed.');
  });

  test('does not let a file name drive the terminal', () => {
    expect(textSummary(resultsOf({ broken: ['I1'], fileName: '\u001b[2Jx' }))).not.toContain('\u001b');
  });
});

describe('junit.xml', () => {
  test('has one case per check, race and gate', () => {
    expect(buildJunit(resultsOf())).toContain('tests="14" failures="0" errors="0" skipped="0"');
  });

  test('broken is a failure, unproven an error, unmeasurable skipped', () => {
    const xml = buildJunit(resultsOf({ broken: ['I1'], racesSeen: 1, isSaturated: true }));
    expect(xml).toContain('tests="14" failures="1" errors="1" skipped="1"');
    expect(xml).toMatch(/<failure message="1 problems? in 18204 judged">content text-3-1/);
    expect(xml).toContain('<error message="seen 1 overlaps, needed 20">');
    expect(xml).toContain('<skipped message="not measurable: the host is saturated">');
  });

  test('a check of nothing is an error', () => {
    const results = resultsOf();
    const [first, ...others] = results.checks;
    const checks = first === undefined ? [] : [{ ...first, judged: 0 }, ...others];
    expect(buildJunit({ ...results, checks })).toContain('<error message="not proven: 0 judged">');
  });

  test('is well-formed whatever an input was named', () => {
    const xml = buildJunit(resultsOf({ broken: ['I1'], fileName: '<&">\u0000\ud800\n' }));
    expect(xml).toContain('&lt;&amp;&quot;&gt;\ufffd\ufffd&#10;');
  });

  test('has a suite per part', () => {
    const results = resultsOf();
    const { checks, races, gates, numbers, verdict, durationMs } = results;
    const part = { name: 'hot', verdict, durationMs, checks, races, gates, numbers };
    const xml = buildJunit({ ...results, checks: [], races: [], gates: [], parts: [part] });
    expect(xml.match(/<testsuite name="([^"]+)"/g)).toEqual(['<testsuite name="race_conditions.hot"']);
  });
});

describe('numbers', () => {
  test('are short and have a unit that fits', () => {
    expect([formatNumber(1_234_567.8), formatNumber(0.123456), formatNumber(12)]).toEqual([
      '1\u202f234\u202f568',
      '0.1235',
      '12',
    ]);
    expect([formatDuration(0.1234), formatDuration(3_400), formatDuration(725_000)]).toEqual([
      '0.123 ms',
      '3.4 s',
      '12 min 5 s',
    ]);
    expect([formatUnit(2_097_152, 'bytes'), formatUnit(Number.NaN, 'ms'), formatUnit(3, '%')]).toEqual([
      '2 MiB',
      '–',
      '3%',
    ]);
  });
});
