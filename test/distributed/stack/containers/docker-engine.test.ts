import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../../distributed/stack/process/project-root.ts';
import { programOnPath } from '../../../../distributed/stack/programs/find-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'els-no-docker-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function runCompose(env: NodeJS.ProcessEnv) {
  const args = ['--import', 'tsx', 'distributed/bin/run.ts', '--scenario', 'docker_compose', '--output', folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: projectRoot(),
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr, left: readdirSync(folder) };
}

test('without docker the compose scenario says so in one line, with code 3, and leaves nothing', () => {
  expect(runCompose({ PATH: '' })).toEqual({
    status: 3,
    stdout: '',
    stderr: 'test:distributed: the program docker is missing: install Docker\n',
    left: [],
  });
}, 30_000);

(programOnPath('docker') === undefined ? test.skip : test)(
  'with an engine that does not answer it names the address (skipped where the program docker is missing)',
  () => {
    expect(runCompose({ DOCKER_HOST: 'tcp://127.0.0.1:1' })).toEqual({
      status: 3,
      stdout: '',
      stderr: 'test:distributed: no Docker engine answers at tcp://127.0.0.1:1: start Docker\n',
      left: [],
    });
  },
  30_000,
);
