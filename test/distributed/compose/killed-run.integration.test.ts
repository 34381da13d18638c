/**
 * Goal: nothing of a compose run outlives its harness, even one that is killed while containers are being made. Method:
 * the engine is asked, by its own command line, for all that carries the project's label. Needs an engine with the compose
 * plugin: runs with ELS_STACK=docker.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stackSource } from '../../../distributed/stack/stack.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Images may have to be fetched and built first. */
const FIRST_CONTAINER_MS_MAX = 900_000;
const CLEAN_UP_MS_MAX = 60_000;
const testDocker = stackSource() === 'docker' ? test : test.skip;

jest.setTimeout(FIRST_CONTAINER_MS_MAX + CLEAN_UP_MS_MAX);

let folder = '';
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'els-killed-run-'));
});

afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function runCompose(): { output: () => string } {
  const args = ['--scenario', 'docker_compose', '--instances', '1', '--without', 'grafana,kafka-exporter'];
  const program = ['--import', 'tsx', 'distributed/bin/run.ts', ...args, '--output', folder];
  child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return { output: () => output };
}

/** Of the project, by kind. */
function found(project: string, kind: 'container' | 'network' | 'volume'): string[] {
  const args = [kind, 'ls', ...(kind === 'container' ? ['--all'] : []), '--quiet'];
  const label = `label=com.docker.compose.project=${project}`;
  const output = execFileSync('docker', [...args, '--filter', label], { encoding: 'utf8', timeout: 30_000 });
  return output.split('\n').filter((line) => line !== '');
}

testDocker('a compose run killed at its first container leaves no container, network or volume', async () => {
  const { output } = runCompose();
  const project = await waitFor(() => /compose project (\S+)/.exec(output())?.[1], {
    deadlineMs: 60_000,
    what: 'the name of the project',
  });
  const isBegun = () => {
    if (child?.exitCode !== null) throw new Error(`it ended by itself and said: ${output()}`);
    return found(project, 'container').length > 0;
  };
  await waitFor(isBegun, { deadlineMs: FIRST_CONTAINER_MS_MAX, what: 'the first container' });
  expect(found(project, 'network').length).toBeGreaterThan(0);
  child?.kill('SIGKILL');
  const left = () => (['container', 'network', 'volume'] as const).flatMap((kind) => found(project, kind));
  await waitFor(() => left().length === 0, { deadlineMs: CLEAN_UP_MS_MAX, what: 'all of the project is gone' });
});
