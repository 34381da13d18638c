/** Every way of starting a worker that README names passes signals on and ends as the worker ends. */
import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ChildCommand } from '../support/child-program.ts';

jest.setTimeout(90_000);

/** Where nothing listens: the worker waits for its servers, which is as good a time for a signal as any. */
const SETTINGS = {
  DATABASE_URL: 'postgres://els@127.0.0.1:1/els',
  KAFKA_BROKERS: '127.0.0.1:1',
  REDIS_URL: 'redis://127.0.0.1:1',
  HTTP_PORT: '0',
};
/** Of the installation that runs the tests, which downloads nothing. */
const PNPM = ['--silent', '--config.verify-deps-before-run=false', 'worker'];

const WAYS: readonly [name: string, command: string, args: readonly string[]][] = [
  ['pnpm worker', 'pnpm', PNPM],
  ['node, of the sources', process.execPath, ['bin/run.mjs', 'src/bin/worker.ts']],
];

beforeAll(() => {
  const { status } = spawnSync('pnpm', ['--version']);
  expect(status).toBe(0);
});

describe.each(WAYS)('%s', (_name, command, args) => {
  test.each(['SIGTERM', 'SIGINT'] as const)('stops the worker in order at %s and leaves no process', async (signal) => {
    const program = new ChildCommand(command, args, SETTINGS);
    await program.printed('http listening');
    const port = program.logged('http listening')?.['port'];
    program.kill(signal);
    expect(await program.exited()).toBe(0);
    expect(program.logged('stopped')).toMatchObject({ exitCode: 0 });
    await expect(fetch(`http://127.0.0.1:${port}/live`)).rejects.toThrow();
  });

  test('ends with the exit code of the worker', async () => {
    const program = new ChildCommand(command, args);
    expect(await program.exited()).toBe(78);
    expect(program.stderr).toContain('DATABASE_URL is missing');
  });
});

test('a port in use is a refused start that says what to set, without a stack', async () => {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const program = new ChildCommand(process.execPath, ['bin/run.mjs', 'src/bin/worker.ts'], {
    ...SETTINGS,
    HTTP_PORT: `${port}`,
  });
  expect(await program.exited()).toBe(78);
  await new Promise((resolve) => server.close(resolve));
  const refused = program.logged('start failed') as { err: { message: string; stack?: string } };
  expect(refused.err.message).toContain(`cannot listen on 127.0.0.1:${port}: set HTTP_PORT, 0 takes a free one`);
  expect(refused.err.stack).toBeUndefined();
});

const testOnTerminal = spawnSync('script', ['--version']).error === undefined ? test : test.skip;

testOnTerminal('on a terminal a refusal is a line, not JSON (needs script)', async () => {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const worker = `exec ${process.execPath} bin/run.mjs src/bin/worker.ts`;
  const program = new ChildCommand('script', ['-qec', worker, '/dev/null'], { ...SETTINGS, HTTP_PORT: `${port}` });
  expect(await program.exited()).toBe(78);
  await new Promise((resolve) => server.close(resolve));
  const lines = program.stdout.split('\r\n');
  expect(lines).toContainEqual(expect.stringMatching(/^cannot listen on .* set HTTP_PORT, 0 takes a free one/));
  expect(program.stdout).not.toContain('start failed');
});

test.each([
  ['src/bin/worker.ts', 'SIGTERM'],
  ['src/bin/probe.ts', 'Usage: probe'],
  ['src/bin/admin.ts', 'Operate'],
  ['src/bin/migrate.ts', 'migrate up'],
  ['artefacts/bin/grafana.ts', 'dashboards'],
  ['artefacts/bin/contract-docs.ts', 'AsyncAPI'],
  ['distributed/bin/invariants.ts', 'invariants'],
])('%s --help says what it is and does nothing', async (file, words) => {
  const program = new ChildCommand(process.execPath, ['--import', 'tsx', file, '--help']);
  expect(await program.exited()).toBe(0);
  expect(program.stdout).toContain(words);
  expect(program.stdout).not.toContain('.json\n');
  expect(program.stderr).toBe('');
});

describe('the result of a command', () => {
  const run = (redirection: string) =>
    spawnSync('sh', ['-c', `${process.execPath} bin/els.mjs config help ${redirection}`], {
      encoding: 'utf8',
    });

  test('that fits on no disk is a failure in one line', () => {
    const { status, stderr } = run('> /dev/full');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^the result cannot be written: ENOSPC[^\n]*\n$/);
  });

  test('whose reader has seen enough is none', () => {
    const { stderr } = run('| head -1');
    expect(stderr).toBe('');
  });
});
