import { existsSync } from 'node:fs';
import { checkRun } from '../../../distributed/command/check-command.ts';
import { runScenarios } from '../../../distributed/command/run-scenarios.ts';
import type { Scenario } from '../../../distributed/engine/part-plan.ts';
import { DEFAULT_LOAD } from '../../../distributed/generator/load-options.ts';
import { loadNow, sendUntilRaced } from '../../../distributed/scenarios/steps.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { useServersOfTestRun } from '../../support/servers/external-run.ts';

/** Race conditions in their smallest form, through the whole engine, on the servers of the test run. */
const RACES = { busyBatches: 5, sharedBatches: 5 };
const LOAD = {
  ...DEFAULT_LOAD,
  batches: 40,
  duplicatePercent: 100,
  excessPercent: 30,
  earlyPercent: 0,
  batchesInFlight: 3,
};
const TINY: Scenario = {
  name: 'tiny_races',
  goal: 'A content takes at most one slot.',
  method: 'Hot batches on two instances.',
  defaultInstances: [2],
  parts: ({ seed }) => [
    {
      name: 'hot',
      workers: 2,
      env: { GROUP_SIZE_MAX: '20', GROUPS_IN_FLIGHT_MAX: '4', DATABASE_POOL_MAX: '6' },
      races: RACES,
      run: (stage) =>
        sendUntilRaced(stage, {
          loadOf: (send) => loadNow({ ...LOAD, seed: seed + send }),
          sendsMax: 5,
          races: RACES,
        }),
    },
  ],
};

const testRun = useServersOfTestRun();

function run(mutant: string | null) {
  const output = { isTTY: false, columns: 80, write: () => undefined };
  const options = {
    scenarios: [TINY.name],
    instances: null,
    durationSeconds: null,
    seed: 4,
    stack: 'external',
    outputFolder: testRun.folder,
    tier: 'quick',
    repeat: 1,
    without: [],
    mutant,
    observe: false,
  } as const;
  const { signal } = new AbortController();
  return runScenarios({ options, scenarios: [TINY], root: projectRoot(), output, useColour: false, signal });
}

test('a run of the service is valid, saw its races, and is judged the same again from its directory', async () => {
  const { directory, results } = await run(null);
  expect(results.checks.filter((check) => check.verdict !== true)).toEqual([]);
  expect(results.races.filter(({ seen, needed }) => seen < needed)).toEqual([]);
  expect(results).toMatchObject({ verdict: 'valid', exitCode: 0 });
  expect(existsSync(directory.file('report.html'))).toBe(true);
  expect(existsSync(directory.file('junit.xml'))).toBe(true);
  const again = await checkRun(directory.path);
  expect(again.results).toEqual(results);
}, 120_000);

test('a run of a service without its unique index is invalid, and the counterexample names the content', async () => {
  const { results } = await run('unique-index-dropped');
  expect(results).toMatchObject({ verdict: 'invalid', exitCode: 1 });
  const broken = results.checks.find(({ id }) => id === 'I1');
  expect(broken?.problems[0]?.message).toMatch(/content [\w-]+/);
}, 120_000);
