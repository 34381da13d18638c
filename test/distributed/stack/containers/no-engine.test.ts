/** What asks for containers where no Docker engine answers. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../../distributed/stack/process/project-root.ts';
import { stackSource, startStack } from '../../../../distributed/stack/stack.ts';

jest.setTimeout(60_000);

const PROGRAMS = [
  ['distributed/bin/run.ts', '--scenario', 'race_conditions', '--stack', 'docker'],
  ['distributed/bin/stack.ts', '--stack', 'docker'],
  ['distributed/bin/demo.ts', '--stack', 'docker'],
];
const variable = process.env['ELS_STACK'];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'els-no-engine-'));
  // Else a stack of root's would be made elsewhere.
  chmodSync(folder, 0o755);
});

afterEach(() => {
  if (variable === undefined) delete process.env['ELS_STACK'];
  else process.env['ELS_STACK'] = variable;
  rmSync(folder, { recursive: true });
});

test.each(PROGRAMS)('%s says so in one line, ends with code 3 and leaves nothing', (...args) => {
  const address = `unix://${folder}/no.sock`;
  const { DATABASE_URL: _d, REDIS_URL: _r, KAFKA_BROKERS: _k, DOCKER_CONTEXT: _c, ...rest } = process.env;
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', ...args], {
    cwd: projectRoot(),
    env: { ...rest, TMPDIR: folder, DOCKER_HOST: address },
    encoding: 'utf8',
  });
  const said = stderr.trim().split('\n');
  expect(said).toEqual([
    expect.stringMatching(/no Docker engine answers at .*no\.sock: start Docker|the program docker is missing/),
  ]);
  expect(status).toBe(3);
  expect(readdirSync(folder).filter((name) => name.startsWith('els-'))).toEqual([]);
});

test('three Kafka nodes in containers are refused before anything starts', async () => {
  const start = startStack({ source: 'docker', kafkaNodes: 3, dataDir: folder, onProgress: () => {} });
  await expect(start).rejects.toThrow('three need the local stack');
  expect(readdirSync(folder)).toEqual([]);
});

test('ELS_STACK chooses, local without it, and nothing else is guessed', () => {
  delete process.env['ELS_STACK'];
  expect(stackSource()).toBe('local');
  process.env['ELS_STACK'] = 'docker';
  expect(stackSource()).toBe('docker');
  process.env['ELS_STACK'] = 'podman';
  expect(stackSource).toThrow('ELS_STACK is podman; it is local or docker');
});
