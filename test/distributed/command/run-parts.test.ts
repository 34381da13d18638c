import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkRun } from '../../../distributed/command/check-command.ts';
import {
  announceParts,
  type PlannedPart,
  repetitionsOf,
  runParts,
  SEEDS_PER_REPETITION,
} from '../../../distributed/command/run-parts.ts';
import { writeVerdict } from '../../../distributed/engine/conclude-part.ts';
import { EXIT } from '../../../distributed/run/verdict.ts';
import { CORRECT_ENVIRONMENT } from '../../support/recorded/correct-run.ts';

/** Parts without servers: each leaves a directory without evidence, which is judged unknown. */
let outputFolder = '';
let said: string[] = [];
let interrupt = new AbortController();

beforeEach(async () => {
  outputFolder = await mkdtemp(join(tmpdir(), 'els-parts-'));
  said = [];
  interrupt = new AbortController();
});

afterEach(() => rm(outputFolder, { recursive: true }));

function part(name: string, during: () => void = () => undefined): PlannedPart {
  return {
    name,
    title: `asked/${name}`,
    size: '2 instances',
    environment: { scenario: `asked/${name}`, seed: 7, options: { of: name }, instances: name.length },
    run: async (directory, identity) => {
      during();
      return writeVerdict(directory, identity);
    },
  };
}

function run(...parts: PlannedPart[]) {
  const say = (line: string) => void said.push(line);
  announceParts(7, parts.length, say);
  const { runId: _runId, scenario: _scenario, seed: _seed, startedAt: _startedAt, ...common } = CORRECT_ENVIRONMENT;
  const { signal } = interrupt;
  return runParts({ name: 'asked', seed: 7, options: { whole: true }, parts, common, outputFolder, say, signal });
}

test('a run of one part is the directory of the part', async () => {
  const { directory, results } = await run(part('one'));
  expect(directory.path).toMatch(/-asked-7$/);
  expect(directory.environment).toMatchObject({ scenario: 'asked/one', options: { of: 'one' }, instances: 3, seed: 7 });
  expect(results).toMatchObject({ verdict: 'unknown', exitCode: EXIT.unknown });
  expect(said).toEqual([
    'seed 7, 1 part',
    'asked/one: 2 instances',
    expect.stringMatching(/^asked\/one: unknown, \d+\.\d s$/),
  ]);
});

test('a run of several parts has an overview, which is there after every part', async () => {
  const overviews: boolean[] = [];
  const isThere = async () => {
    const [folder = ''] = (await readdir(outputFolder)).filter((name) => name !== 'latest');
    overviews.push(existsSync(join(outputFolder, folder, 'results.json')));
  };
  const { directory, results } = await run(
    part('one'),
    part('other', () => void isThere()),
  );
  expect(overviews).toEqual([true]);
  expect(directory.environment).toMatchObject({ scenario: 'asked', options: { whole: true }, instances: 5 });
  expect(results.parts?.map(({ name, directory: own }) => [name, own])).toEqual([
    ['one', 'parts/one'],
    ['other', 'parts/other'],
  ]);
  for (const file of [
    'report.html',
    'junit.xml',
    'results.json',
    'parts/one/report.html',
    'parts/other/results.json',
  ]) {
    expect(existsSync(directory.file(file))).toBe(true);
  }
  expect(said[0]).toBe('seed 7, 2 parts');
});

test('an interrupt starts no further part, and what it ended says so, also when it is judged again', async () => {
  const { directory, results } = await run(
    part('one', () => interrupt.abort()),
    part('other'),
  );
  expect(results.parts?.map(({ name }) => name)).toEqual(['one']);
  expect(results).toMatchObject({ interrupted: true, exitCode: EXIT.interrupted });
  expect((await checkRun(directory.path)).results).toEqual(results);
});

test('an interrupted run of one part ends with the code of an interrupt, also when it is judged again', async () => {
  const { directory, results } = await run(part('one', () => interrupt.abort()));
  expect(results).toMatchObject({ verdict: 'unknown', interrupted: true, exitCode: EXIT.interrupted });
  expect(await directory.readResults()).toEqual(results);
  expect((await checkRun(directory.path)).results).toEqual(results);
});

test('repetitions have seeds far apart and names of their own', () => {
  expect(repetitionsOf({ seed: 3, repeat: 1 })).toEqual([{ seed: 3, suffix: '' }]);
  expect(repetitionsOf({ seed: 3, repeat: 2 })).toEqual([
    { seed: 3, suffix: '-1' },
    { seed: 3 + SEEDS_PER_REPETITION, suffix: '-2' },
  ]);
});
