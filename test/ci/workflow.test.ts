import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const ROOT = join(__dirname, '../..');

interface Job {
  readonly container?: string;
  readonly strategy?: { readonly matrix: { readonly node: readonly number[] } };
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly { readonly run?: string; readonly uses?: string }[];
}

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const workflow = parse(read('.github/workflows/ci.yml')) as {
  readonly on: Record<string, unknown>;
  readonly permissions: unknown;
  readonly jobs: Record<string, Job>;
};
const jobs = Object.values(workflow.jobs);
const commands = jobs.flatMap(({ steps }) => steps.flatMap(({ run }) => (run === undefined ? [] : [run])));

test('the workflow runs what a landing needs, and builds the image that the Dockerfile describes', () => {
  expect(commands).toContain('.ci/run');
  expect(commands.some((command) => /^docker build .*\.$/.test(command))).toBe(true);
});

test('every change is looked at, every job ends, and none may write', () => {
  expect(Object.keys(workflow.on).sort()).toEqual(['pull_request', 'push']);
  for (const job of jobs) expect(job['timeout-minutes']).toBeLessThanOrEqual(30);
  expect(workflow.permissions).toEqual({ contents: 'read' });
});

test('the tests run on the oldest Node that package.json allows and on that of the image', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  const oldest = /^\^(\d+)\./.exec(engines.node)?.[1];
  const ofImage = /^FROM node:(\d+)\./m.exec(read('Dockerfile'))?.[1];
  const inContainers = jobs.filter(({ container }) => container !== undefined);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the workflow fills it in.
  expect(inContainers.map(({ container }) => container)).toEqual(['node:${{ matrix.node }}-bookworm']);
  expect(inContainers.map(({ strategy }) => strategy?.matrix.node)).toEqual([[Number(oldest), Number(ofImage)]]);
});

test('third-party actions are pinned to a major version', () => {
  const uses = jobs.flatMap(({ steps }) => steps.flatMap((step) => (step.uses === undefined ? [] : [step.uses])));
  expect(uses.filter((action) => !/^actions\/[\w-]+@v\d+$/.test(action))).toEqual([]);
});
