import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchPage } from '../../../distributed/bench/bench-page.ts';
import { requireWithin } from '../../../distributed/bench/contestants/workers.ts';
import { steadyRate } from '../../../distributed/bench/outputs.ts';
import { PUBLISHED, withTable } from '../../../distributed/bench/publish.ts';
import { type BenchResults, type BenchRun, readBenchResults } from '../../../distributed/bench/results.ts';
import { quantile, spreadOf } from '../../../distributed/bench/statistics.ts';
import { isAnyWrong, markdownTable, textTable } from '../../../distributed/bench/table.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';

function run(perSecond: number, problems: string[] = []): BenchRun {
  return {
    perSecond,
    steadyPerSecond: perSecond * 2,
    cpuUsPerInput: { worker: 100, postgres: 40, kafka: 20, redis: 5 },
    walBytesPerInput: 1_250,
    peakRssBytes: 100 * 1_048_576,
    stealShare: 0.01,
    problems,
  };
}

function results(runs: readonly BenchRun[], leftOut: BenchResults['leftOut'] = []): BenchResults {
  return {
    schemaVersion: 1,
    startedAt: '2026-12-01T00:00:00.000Z',
    command: 'pnpm bench',
    build: 'a'.repeat(40),
    release: null,
    repeats: runs.length,
    backlog: { batches: 50, slots: 20, routing: 'production', seed: 1 },
    machine: {
      cpu: 'some <CPU>',
      cores: 2,
      memoryBytes: 1,
      platform: 'linux-x64',
      node: 'v20.0.0',
      servers: { postgres: 'PostgreSQL 18' },
      syncMs: { p50: 0.2, p95: 0.5 },
    },
    rows: [{ name: 'build', kind: 'build', about: 'the worker', workers: 1, inputs: 1_000, runs: [...runs] }],
    shapes: [],
    leftOut: [...leftOut],
  };
}

/** Cells of the line that begins with this word. */
function line(text: string, name: string): string[] {
  return (text.split('\n').find((each) => each.startsWith(name)) ?? '').replaceAll('\u202f', ' ').split(/ {2,}/);
}

describe('medians', () => {
  test('of an odd number are the middle one, of an even number between the two', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spreadOf([])).toBeNull();
  });

  test('a quantile is a value that was there', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
    expect(quantile([1, 2, 3, 4], 0.95)).toBe(4);
  });

  test('the steady rate leaves the slow start and end out', () => {
    const steady = Array.from({ length: 80 }, (_, at) => 1_000 + at);
    const times = [...Array.from({ length: 10 }, (_, at) => at * 100), ...steady, ...Array(10).fill(5_000)];
    expect(steadyRate(times, 0.15, 0.9)).toBe(1_000);
    expect(steadyRate([1, 1, 1], 0.15, 0.9)).toBeNull();
  });
});

describe('the table', () => {
  test('shows medians of the repeats and half of what lies between the slowest and the fastest', () => {
    const cells = line(textTable(results([run(1_100), run(900), run(1_000)])), 'build');
    expect(cells).toEqual([
      'build',
      '1',
      '1 000',
      '3',
      '1 000',
      '±10 %',
      '2 000',
      '165',
      '100',
      '40',
      '20',
      '5',
      '1 250',
      '100 MiB',
      'right',
    ]);
  });

  test('says which outcome was wrong and how, and exit code and page say so too', async () => {
    const wrong = results([run(1), run(1, ['text in a slot missing: 1'])]);
    expect(textTable(wrong)).toMatch(/WRONG in 1 of 2/);
    expect(textTable(wrong)).toContain('Wrong: build: text in a slot missing: 1.');
    expect(isAnyWrong(wrong)).toBe(true);
    expect(await benchPage(wrong)).toContain('a contestant did not do its work');
    expect(isAnyWrong(results([run(1)]))).toBe(false);
  });

  test('names who was left out, and why', () => {
    const text = textTable(results([run(1)], [{ name: 'pg-boss', reason: 'no Node 22' }]));
    expect(text).toContain('Left out: pg-boss, no Node 22.');
  });

  test('is one page that asks the network for nothing and escapes what it shows', async () => {
    const page = await benchPage(results([run(1)]));
    expect(/<(link|script|img|iframe)[^>]+(src|href)="(?!data:)/.exec(page)).toBeNull();
    expect(page).toContain('some &lt;CPU&gt;');
  });
});

describe('README.md', () => {
  test('shows the table of the results that are kept with the code', async () => {
    const readme = await readFile(join(projectRoot(), 'README.md'), 'utf8');
    const kept = await readBenchResults(join(projectRoot(), PUBLISHED));
    expect(withTable(readme, markdownTable(kept))).toBe(readme);
  });

  test('without marks is refused', () => {
    expect(() => withTable('no marks', '')).toThrow(/has no <!-- bench/);
  });
});

test('a drain that began before its time was taken has no speed', () => {
  expect(() => requireWithin(1_000, [999, 1_000, 1_001])).toThrow(
    '1 of 3 events were written before its time was taken',
  );
  requireWithin(1_000, [1_000, 1_001]);
});
