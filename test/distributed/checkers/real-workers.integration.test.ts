import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { judgeRun } from '../../../distributed/checkers/judge-run.ts';
import { countRaces } from '../../../distributed/races/count-races.ts';
import { mergeVerdict } from '../../../distributed/run/verdict.ts';
import { type JudgedRunOptions, runOnce } from '../../support/judged-run.ts';

/** Hot batches: every instance works on the same few, and every content comes several times. */
const HOT = {
  batches: 60,
  slots: 15,
  duplicatePercent: 100,
  excessPercent: 30,
  failurePercent: 10,
  batchesInFlight: 8,
  conflictPercent: 5,
};
const RUN: JudgedRunOptions = { program: 'src/bin/worker.ts', instances: 3, load: HOT, garbage: 3, restMsMax: 30_000 };

async function judge(options: JudgedRunOptions) {
  const directory = await runOnce(options);
  if (process.env['KEEP'] !== undefined) process.stderr.write(`${directory.path}\n`);
  try {
    return { checks: await judgeRun(directory), races: await countRaces(directory) };
  } finally {
    if (process.env['KEEP'] === undefined) await rm(dirname(directory.path), { recursive: true });
  }
}

test('real workers are judged valid, with races that were seen', async () => {
  const { checks, races } = await judge(RUN);
  expect(checks.filter((check) => check.verdict !== true)).toEqual([]);
  expect(mergeVerdict(checks)).toBe('valid');
  expect(races.overlappingClaims).toBeGreaterThan(0);
  expect(races.sharedBatches).toBeGreaterThan(0);
  expect(races.repeatedContents).toBeGreaterThan(0);
}, 120_000);

test('real workers that are killed in mid-load are judged valid', async () => {
  const { checks, races } = await judge({ ...RUN, kills: 2 });
  expect(checks.filter((check) => check.verdict !== true)).toEqual([]);
  expect(races.faultsMetWork).toBeGreaterThan(0);
}, 120_000);

const MUTANTS: readonly [name: string, violated: string, options?: Partial<JudgedRunOptions>][] = [
  ['unique-index-dropped', 'I1'],
  ['completion-counted-without-lock', 'I5'],
  ['empty-claim-is-excess', 'I8'],
  ['offset-before-database', 'I3', { kills: 3 }],
  ['claim-without-row-lock', 'I2'],
  ['excess-not-recorded', 'I3'],
  ['outbox-marked-before-publish', 'I6', { kills: 4 }],
  ['invalid-records-skipped', 'I3'],
  ['dead-letters-without-bytes', 'I10'],
  ['fresh-event-ids', 'I4'],
];

test.each(MUTANTS)(
  'the mutant %s violates %s',
  async (name, violated, options = {}) => {
    const { checks } = await judge({ ...RUN, program: `test/mutants/${name}.ts`, restMsMax: 8_000, ...options });
    const check = checks.find(({ id }) => id === violated);
    expect({ ...check, problems: [] }).toMatchObject({ id: violated, verdict: false });
    expect(check?.problems[0]?.message).toBeTruthy();
    expect(mergeVerdict(checks)).toBe('invalid');
  },
  120_000,
);
