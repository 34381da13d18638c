import { DEMO_LOAD } from '../../../distributed/demo/demo-options.ts';
import { type DemoReport, describeReport } from '../../../distributed/demo/demo-report.ts';
import { planLoad } from '../../../distributed/generator/plan.ts';
import type { Check } from '../../../distributed/run/results.ts';

const HELD: Check = { id: 'I1', title: 'It holds', verdict: true, judged: 1_200, problemCount: 0, problems: [] };
const BROKEN: Check = {
  id: 'I2',
  title: 'It is broken',
  verdict: false,
  judged: 30,
  problemCount: 7,
  problems: Array.from({ length: 7 }, (_, index) => ({ message: `slot ${index}\u001b[31m is gone` })),
};
const EMPTY: Check = { id: 'I3', title: 'Nobody knows', verdict: true, judged: 0, problemCount: 0, problems: [] };

function report(checks: readonly Check[], verdict: DemoReport['verdict'], more: Partial<DemoReport> = {}): DemoReport {
  const load = planLoad(DEMO_LOAD);
  return {
    load: load.options,
    workers: 3,
    servers: { kafka: 'Apache Kafka 4.3.0' },
    totals: load.manifest.totals,
    verdict,
    checks,
    published: 9_700,
    publishMs: 25_000,
    drainMs: null,
    quietAfterMs: 120,
    completions: { count: 300, p50Ms: 12.34, p95Ms: 30, p99Ms: 45, maxMs: 61 },
    faults: [],
    outcome: { filled: 5_700, burnt: 300, excess: 1_100 },
    events: 7_100,
    deadLetters: 6,
    shares: { 'worker-2': 50, 'worker-1': 150 },
    crashes: [],
    folder: 'runs/x',
    page: 'runs/x/report.html',
    ...more,
  };
}

const plain = (_colour: string, text: string) => text;

test('a right run says so first and how much was judged', () => {
  const text = describeReport(report([HELD], 'valid'), plain);
  expect(text.split('\n')[0]).toBe('RIGHT: all 1 checks hold, 1,200 things judged');
  expect(text).toContain('P50 12 ms, P95 30 ms, P99 45 ms, max 61 ms');
  expect(text).toContain('worker-1 75 %, worker-2 25 % of the inputs');
  expect(text).toContain('runs/x/report.html');
});

test('a wrong run names the check and its first five problems, printable', () => {
  const text = describeReport(report([HELD, BROKEN], 'invalid'), plain);
  expect(text.split('\n')[0]).toBe('WRONG: 1 of 2 checks fail, 1,230 things judged');
  expect(text).toContain('✗ It is broken (30 judged, 7 wrong)');
  expect(text).toContain('slot 4');
  expect(text).not.toContain('slot 5');
  expect(text).not.toContain('\u001b');
});

test('a check that judged nothing leaves the run unknown', () => {
  const text = describeReport(report([HELD, EMPTY], 'unknown'), plain);
  expect(text.split('\n')[0]).toBe('UNKNOWN: 1 of 2 checks cannot be answered, 1,200 things judged');
  expect(text).toContain('? Nobody knows (nothing to judge)');
});

test('a backlog tells how fast it was drained, and each fault when it struck', () => {
  const faults = [{ kind: 'kill', worker: 'worker-1', heldMs: 2_010, progress: 0.31 }] as const;
  const text = describeReport(
    report([HELD], 'valid', { drainMs: 1_000, completions: null, faults: [...faults] }),
    plain,
  );
  expect(text).toContain('in 1.0 s, 9,700 inputs/s with 3 workers');
  expect(text).toContain('SIGKILL of worker-1 at 31 % of the load, for 2.0 s');
});
