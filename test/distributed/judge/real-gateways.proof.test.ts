import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runScenarios } from '../../../distributed/command/run-scenarios.ts';
import type { Scenario } from '../../../distributed/engine/part-plan.ts';
import { readMutants } from '../../../distributed/judge/mutants.ts';
import { liveProgress } from '../../../distributed/scenarios/live-progress.ts';
import { resilience } from '../../../distributed/scenarios/resilience.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';

/** The part that meets what is wrong with it. */
const PARTS: Readonly<Record<string, readonly [scenario: Scenario, part: string]>> = {
  'gateway-answers-before-kafka': [resilience, 'kafka-stopped'],
  'gateway-mixes-batches': [liveProgress, 'streams'],
  'gateway-resumes-late': [liveProgress, 'reconnects'],
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'els-run-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function judge(mutant: string | null, [scenario, name]: readonly [Scenario, string]) {
  const only: Scenario = {
    ...scenario,
    parts: (request) => scenario.parts(request).filter((part) => part.name === name),
  };
  const options = {
    scenarios: [scenario.name],
    instances: null,
    durationSeconds: null,
    seed: 4,
    // Of its own: it stops them.
    stack: 'local',
    outputFolder: folder,
    tier: 'quick',
    repeat: 1,
    without: [],
    mutant,
    observe: false,
  } as const;
  const output = { isTTY: false, columns: 80, write: () => undefined };
  const { signal } = new AbortController();
  const run = { options, scenarios: [only], root: projectRoot(), output, useColour: false, signal };
  const { results } = await runScenarios(run);
  return results;
}

test('real gateways are judged valid', async () => {
  const { verdict } = await judge(null, [liveProgress, 'reconnects']);
  expect(verdict).toBe('valid');
}, 180_000);

test.each(readMutants(projectRoot()).filter(({ of }) => of === 'gateway'))(
  'the mutant $name violates $caughtBy',
  async ({ name, caughtBy }) => {
    const part = PARTS[name];
    if (part === undefined) throw new Error(`say which part meets ${name}`);
    const { verdict, checks } = await judge(name, part);
    expect(verdict).toBe('invalid');
    expect(checks.filter((check) => check.verdict === false).map(({ id }) => id)).toEqual(
      expect.arrayContaining([...caughtBy]),
    );
  },
  180_000,
);
