import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { runScenarios } from '../../../distributed/command/run-scenarios.ts';
import type { FaultKind } from '../../../distributed/engine/injector-for.ts';
import type { Scenario } from '../../../distributed/engine/part-plan.ts';
import { DEFAULT_LOAD } from '../../../distributed/generator/load-options.ts';
import type { ScheduledFault } from '../../../distributed/nemesis/schedule.ts';
import { loadNow } from '../../../distributed/scenarios/steps.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { useServersOfTestRun } from '../../support/servers/external-run.ts';

/** One worker killed in a short load, through the whole engine, with Prometheus beside it. */
const KILL: ScheduledFault<FaultKind> = { kind: 'worker-kill', atMs: 1_500, holdMs: 300, target: 1 };
const OBSERVED: Scenario = {
  name: 'observed',
  goal: 'Dashboards show a run.',
  method: 'A short load and one killed worker.',
  defaultInstances: [2],
  parts: ({ seed }) => [
    {
      name: 'kill',
      workers: 2,
      run: async (stage) => {
        await stage.startWorkers();
        const load = { ...DEFAULT_LOAD, seed, slots: 5, batches: 60, durationSeconds: 6 };
        await stage.sendUnderFaults(loadNow(load), [KILL]);
        await stage.quiesce();
      },
    },
  ],
};

const testRun = useServersOfTestRun();
const said: string[] = [];

test('every panel of an observed run had data, its phases and its short fault were annotations, and the samples are kept', async () => {
  const options = {
    scenarios: [OBSERVED.name],
    instances: null,
    durationSeconds: null,
    seed: 11,
    stack: 'external',
    outputFolder: testRun.folder,
    tier: 'quick',
    repeat: 1,
    mutant: null,
    without: [],
    observe: true,
  } as const;
  const { directory, results } = await runScenarios({
    options,
    scenarios: [OBSERVED],
    root: projectRoot(),
    output: { isTTY: false, columns: 80, write: (text) => void said.push(text) },
    useColour: false,
    signal: new AbortController().signal,
  });
  expect(results.checks.filter((check) => check.verdict !== true)).toEqual([]);
  const observed = results.checks.find(({ id }) => id === 'observed');
  expect(observed?.judged).toBeGreaterThan(90);

  const { answers } = JSON.parse(await readFile(directory.file('observed.json'), 'utf8'));
  const annotation = (title: string) =>
    answers.find((answer: { kind: string; title: string }) => answer.kind === 'annotation' && answer.title === title);
  expect(annotation('Faults').seen).toEqual(['worker-kill worker-2']);
  expect(annotation('Phases').seen).toEqual(['faults off', 'load', 'quiescence', 'warm-up']);

  const [block = ''] = await readdir(directory.file('prometheus'));
  expect(existsSync(directory.file('prometheus', block, 'meta.json'))).toBe(true);
  const [, url = ''] = /(http:\/\/127\.0\.0\.1:\d+)/.exec(said.join('')) ?? [];
  await expect(fetch(url)).rejects.toThrow('fetch failed');
}, 120_000);
