import { comparePage } from '../../../distributed/report/compare-page.ts';
import { type Comparison, compareRuns, loadRunResult } from '../../../distributed/report/compare-runs.ts';
import { compareText } from '../../../distributed/report/compare-text.ts';
import { changeOf } from '../../../distributed/report/noise.ts';
import { removeSampleFolders, type SampleOptions, sampleFolder, sampleRun } from '../../support/recorded/sample-run.ts';

afterAll(removeSampleFolders);

async function compare(before: SampleOptions, after: SampleOptions): Promise<Comparison> {
  const parent = sampleFolder();
  const [left, right] = [
    await sampleRun({ seed: 1, ...before }, parent),
    await sampleRun({ seed: 2, ...after }, parent),
  ];
  return compareRuns(await loadRunResult(left.path), await loadRunResult(right.path));
}

function changesOf({ differences }: Comparison): Record<string, string> {
  return Object.fromEntries(differences.map(({ name, change }) => [name, change]));
}

describe('noise', () => {
  test('a single measurement must move by more than 10%', () => {
    expect(changeOf({ value: 100 }, { value: 110 }, 'higher')).toBe('within noise');
    expect(changeOf({ value: 100 }, { value: 111 }, 'higher')).toBe('better');
    expect(changeOf({ value: 100 }, { value: 111 }, 'lower')).toBe('worse');
    expect(changeOf({ value: 100 }, { value: 111 }, undefined)).toBe('changed');
    expect(changeOf({ value: 0 }, { value: 1 }, 'lower')).toBe('worse');
  });

  test('repeated measurements must not overlap, however far their medians are apart', () => {
    const before = { value: 100, samples: [80, 100, 130] };
    expect(changeOf(before, { value: 125, samples: [120, 125, 140] }, 'higher')).toBe('within noise');
    expect(changeOf(before, { value: 133, samples: [131, 133, 140] }, 'higher')).toBe('better');
    const tight = { value: 100, samples: [99, 100, 101] };
    expect(changeOf(tight, { value: 104, samples: [103, 104, 105] }, 'lower')).toBe('worse');
  });
});

describe('a comparison of two runs', () => {
  test('equal runs are the same, and the other seed is told', async () => {
    const comparison = await compare({ seed: 1 }, { seed: 2 });
    expect(comparison.isWorse).toBe(false);
    expect(comparison.conditions).toEqual([{ name: 'seed', before: '1', after: '2' }]);
    expect(changesOf(comparison)).toMatchObject({ verdict: 'same', deadlocks: 'same', 'inputs per second': 'same' });
  });

  test('a broken invariant makes it worse', async () => {
    const comparison = await compare({}, { broken: ['I4'] });
    expect(comparison.isWorse).toBe(true);
    expect(changesOf(comparison)).toMatchObject({
      verdict: 'worse',
      'I4 Every full batch completes with exactly one event id': 'worse',
    });
  });

  test('less throughput and a missed gate make it worse, and the other way round better', async () => {
    const worse = await compare({}, { slowness: 3 });
    expect(changesOf(worse)).toMatchObject({
      verdict: 'same',
      'inputs per second': 'worse',
      'last content to completion, P99': 'worse',
      'due-time-to-slot P50': 'worse',
    });
    const better = await compare({ slowness: 3 }, {});
    expect(better.isWorse).toBe(false);
    expect(changesOf(better)['inputs per second']).toBe('better');
  });

  test('a percentile with too few samples beyond it is shown and not judged', async () => {
    const { differences } = await compare({}, { slowness: 3 });
    const max = differences.find(({ name }) => name === 'due-time-to-slot max');
    expect(max).toMatchObject({ change: 'within noise', basis: 'too few samples to tell apart' });
  });

  test('what only one run has is told and not judged', async () => {
    const parent = sampleFolder();
    const [left, right] = [await sampleRun({ seed: 1 }, parent), await sampleRun({ seed: 2 }, parent)];
    const results = await right.readResults();
    if (results !== null) await right.writeResults({ ...results, numbers: { ...results.numbers, retries: 3 } });
    const comparison = compareRuns(await loadRunResult(left.path), await loadRunResult(right.path));
    expect(changesOf(comparison)['retries']).toBe('only in B');
    expect(comparison.isWorse).toBe(false);
  });

  test('the text says worse first, then what, with both values and the ratio', async () => {
    const text = compareText(await compare({}, { slowness: 3 }));
    expect(text).toMatch(/^✗ B is worse than A\n/);
    expect(text).toMatch(/\nWorse\n/);
    expect(text).toMatch(/inputs per second +1\u202f480 \/s +→ +493\.3 \/s +×0\.3333 +\(ranges of 3 and 3 runs\)/);
  });

  test('the page is one file and says the same', async () => {
    const page = await comparePage(await compare({}, { slowness: 3 }));
    expect(page.includes('<span id="verdict">B is worse than A</span>')).toBe(true);
    expect(page.includes('<script')).toBe(false);
    expect(page.indexOf('inputs per second')).toBeLessThan(page.indexOf('deadlocks'));
  });
});
