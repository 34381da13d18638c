import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEMO_LOAD, type DemoOptions } from '../../../distributed/demo/demo-options.ts';
import { describeReport } from '../../../distributed/demo/demo-report.ts';
import { runDemo } from '../../../distributed/demo/run-demo.ts';
import { checkRun } from '../../../distributed/engine/check-command.ts';
import { projectRoot } from '../../../distributed/stack/project-root.ts';
import { stackSource } from '../../../distributed/stack/stack-source.ts';
import { kafkaBrokers, redisUrlForFile } from '../../support/servers.ts';

/** The demo in small, on the servers of the test run. */
const VARIABLES = ['DATABASE_URL', 'REDIS_URL', 'KAFKA_BROKERS'] as const;
const before = VARIABLES.map((name) => process.env[name]);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'els-demo-'));
  process.env['DATABASE_URL'] = process.env['ELS_TEST_DATABASE_URL'];
  process.env['REDIS_URL'] = await redisUrlForFile();
  process.env['KAFKA_BROKERS'] = kafkaBrokers().join(',');
});

afterAll(async () => {
  VARIABLES.forEach((name, index) => {
    if (before[index] === undefined) delete process.env[name];
    else process.env[name] = before[index];
  });
  await rm(folder, { recursive: true, force: true });
});

function demo(options: Partial<DemoOptions>) {
  const output = { isTTY: false, columns: 80, write: () => undefined };
  const load = { ...DEMO_LOAD, batches: 40, durationSeconds: 4, startAtMs: Date.now() };
  const common = { workers: 2, load, backlog: false, killOne: false, pauseOne: false } as const;
  return runDemo({
    options: { ...common, kafkaNodes: 1, stack: stackSource(), ...options },
    root: projectRoot(),
    outputFolder: folder,
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
