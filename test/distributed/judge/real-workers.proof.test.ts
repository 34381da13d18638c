import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { judgeRun } from '../../../distributed/judge/judge-evidence.ts';
import { readMutants } from '../../../distributed/judge/mutants.ts';
import { RaceCounter } from '../../../distributed/judge/races/count-races.ts';
import { mergeVerdict } from '../../../distributed/run/verdict.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { type JudgedRunOptions, runOnce } from '../../support/recorded/judged-run.ts';

/** Hot batches: every instance works on the same few, in many small groups, and every content comes several times. */
const HOT = {
  batches: 60,
  slots: 15,
  duplicatePercent: 100,
  farDuplicatePercent: 10,
  excessPercent: 30,
  failurePercent: 10,
  earlyPercent: 5,
  batchesInFlight: 4,
  conflictPercent: 5,
};
const SMALL_GROUPS = { GROUP_SIZE_MAX: '5', GROUPS_IN_FLIGHT_MAX: '8' };
const RUN: JudgedRunOptions = {
  program: 'src/bin/worker.ts',
  instances: 3,
  load: HOT,
  garbage: 3,
  restMsMax: 40_000,
  env: SMALL_GROUPS,
};
/** Long enough to be in the middle of it when a worker is killed. */
const KILLED = { load: { ...HOT, batches: 400 }, kills: 3 };

async function judge(options: JudgedRunOptions) {
  const directory = await runOnce(options);
  if (process.env['KEEP'] !== undefined) process.stderr.write(`${directory.path}\n`);
  try {
    const counter = new RaceCounter();
    const checks = await judgeRun(directory, { observer: counter });
    return { checks, races: counter.result };
  } finally {
    if (process.env['KEEP'] === undefined) await rm(dirname(directory.path), { recursive: true });
  }
}

test('real workers are judged valid, with races that were seen', async () => {
  const { checks, races } = await judge(RUN);
  expect(checks.filter((check) => check.verdict !== true)).toEqual([]);
  expect(mergeVerdict(checks)).toBe('valid');
  // They share batches, and never at the same time.
  expect(races.overlappingClaims).toBe(0);
  expect(races.sharedBatches).toBeGreaterThan(0);
  expect(races.repeatedContents).toBeGreaterThan(0);
}, 180_000);

test('real workers that are killed in mid-load are judged valid', async () => {
  const { checks, races } = await judge({ ...RUN, ...KILLED });
  expect(checks.filter((check) => check.verdict !== true)).toEqual([]);
  expect(races.faultsMetWork).toBeGreaterThan(0);
}, 180_000);

/** What a mutant needs beyond the ordinary run to be caught. */
const NEEDS: Readonly<Record<string, Partial<JudgedRunOptions>>> = { 'offset-before-database': KILLED };

test.each(readMutants(projectRoot()).filter((mutant) => mutant.of === 'worker'))(
  'the mutant $name violates $caughtBy',
  async ({ name, file, caughtBy }) => {
    const { checks } = await judge({ ...RUN, restMsMax: 15_000, program: file, ...NEEDS[name] });
    const found = checks.filter(({ id, verdict }) => caughtBy.includes(id) && verdict === false);
    expect(checks.filter(({ verdict }) => verdict === false).map(({ id }) => id)).toContain(found[0]?.id);
    expect(found[0]?.problems[0]?.message).toBeTruthy();
    expect(mergeVerdict(checks)).toBe('invalid');
  },
  180_000,
);
