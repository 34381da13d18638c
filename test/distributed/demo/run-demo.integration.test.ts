import { existsSync } from 'node:fs';
import { checkRun } from '../../../distributed/command/check-command.ts';
import { DEMO_LOAD, type DemoOptions } from '../../../distributed/demo/demo-options.ts';
import { describeReport } from '../../../distributed/demo/demo-report.ts';
import { runDemo } from '../../../distributed/demo/run-demo.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { stackSource } from '../../../distributed/stack/stack.ts';
import { useServersOfTestRun } from '../../support/servers/external-run.ts';

/** The demo in small, on the servers of the test run. */
const testRun = useServersOfTestRun();

function demo(options: Partial<DemoOptions>) {
  const output = { isTTY: false, columns: 80, write: () => undefined };
  const load = { ...DEMO_LOAD, batches: 40, durationSeconds: 8, startAtMs: Date.now() };
  const common = { workers: 2, load, backlog: false, killOne: false, pauseOne: false, gateway: true } as const;
  return runDemo({
    options: { ...common, kafkaNodes: 1, stack: stackSource(), ...options },
    root: projectRoot(),
    outputFolder: testRun.folder,
    replay: 'pnpm demo',
    output,
    useColour: false,
    signal: new AbortController().signal,
  });
}

test('a demo with a killed worker is judged right by the judge of the harness, and again from its directory', async () => {
  const report = await demo({ killOne: true });
  expect(report.checks.filter((check) => check.verdict !== true)).toEqual([]);
  expect(report.verdict).toBe('valid');
  expect(report.faults).toMatchObject([{ kind: 'kill', worker: 'worker-1' }]);
  expect(report.completions?.count).toBe(report.totals.completions);
  expect(existsSync(report.page)).toBe(true);
  const again = await checkRun(report.folder);
  expect(again.results.checks).toEqual(report.checks);
}, 120_000);

test('a backlog is drained, timed and judged without the audit', async () => {
  const report = await demo({ backlog: true, load: { ...DEMO_LOAD, batches: 40, durationSeconds: null } });
  expect(report.checks.filter((check) => check.verdict !== true)).toEqual([]);
  expect(report.drainMs).toBeGreaterThan(0);
  expect(report.checks.map(({ id }) => id)).not.toContain('I2');
  expect(describeReport(report, (_colour, text) => text)).toMatch(/^RIGHT/);
}, 120_000);
