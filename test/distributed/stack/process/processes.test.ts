/** Real child processes of this Node, in milliseconds: how servers are started, ended and cleaned up after. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGone } from '../../../../distributed/nemesis/worker-faults.ts';
import { freePorts } from '../../../../distributed/stack/process/free-port.ts';
import { Guardian } from '../../../../distributed/stack/process/guardian.ts';
import { runCommand } from '../../../../distributed/stack/process/run-command.ts';
import { ServerProcess } from '../../../../distributed/stack/process/server-process.ts';
import { PortTakenError } from '../../../../distributed/stack/process/stack-error.ts';
import { waitFor } from '../../../support/wait-for.ts';

const LISTEN = `
const [port, stubborn] = process.argv.slice(1);
if (stubborn) process.on('SIGTERM', () => {});
require('node:net').createServer().listen(Number(port), '127.0.0.1', () => console.log('ready'));
`;

const QUIET = ['ignore', 'ignore', 'ignore'] as const;

const START_AND_DIE = `
import { writeFileSync } from 'node:fs';
import { Guardian } from './distributed/stack/process/guardian.ts';
const [folder, pidFile] = process.argv.slice(1);
const child = new Guardian(folder + '/of-the-parent').spawn('sleep', ['600'], { stdio: ['ignore', 'ignore', 'ignore'], endSignal: 'SIGKILL' });
writeFileSync(pidFile, String(child.pid));
process.kill(process.pid, 'SIGKILL');
`;

let folder = '';
let guardian: Guardian;
const servers: ServerProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'els-processes-'));
  guardian = new Guardian(folder);
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.abandon()));
  await guardian.release();
  rmSync(folder, { recursive: true, force: true });
});

function server(
  port: number,
  options: { stubborn?: boolean; readyPattern?: RegExp; command?: string } = {},
): ServerProcess {
  const created = new ServerProcess(
    {
      name: 'listener',
      port,
      command: options.command ?? process.execPath,
      args: ['-e', LISTEN, `${port}`, ...(options.stubborn ? ['stubborn'] : [])],
      env: process.env,
      folder,
      logFile: join(folder, 'listener.log'),
      user: undefined,
      readyPattern: options.readyPattern ?? /^ready$/m,
      startMsMax: options.readyPattern === undefined ? 10_000 : 300,
      stopSignal: 'SIGTERM',
      stopMsMax: 300,
      abandonSignal: 'SIGKILL',
    },
    guardian,
  );
  servers.push(created);
  return created;
}

describe('a server process', () => {
  test('starts again on its port after a stop and after a kill', async () => {
    const [port = 0] = await freePorts(1);
    const listener = server(port);
    const pids = new Set<number | undefined>();
    for (const end of [() => listener.stop(), () => listener.kill('SIGKILL'), () => listener.stop()]) {
      await listener.start();
      pids.add(listener.pid);
      await end();
      expect(listener.pid).toBeUndefined();
    }
    expect(pids.size).toBe(3);
    expect(readFileSync(listener.logFile, 'utf8').match(/ready/g)).toHaveLength(3);
  });

  test('that was suspended or ignores the request to stop is stopped all the same', async () => {
    const [port = 0, other = 0] = await freePorts(2);
    const [suspended, stubborn] = [server(port), server(other, { stubborn: true })];
    await suspended.start();
    await suspended.kill('SIGSTOP');
    await suspended.stop();
    expect(suspended.pid).toBeUndefined();
    await stubborn.start();
    await stubborn.stop();
    expect(stubborn.pid).toBeUndefined();
  });

  test('whose port is taken says so, for another one to be tried', async () => {
    const [port = 0] = await freePorts(1);
    await server(port).start();
    await expect(server(port).start()).rejects.toThrow(PortTakenError);
  });

  test('that never gets ready is ended and fails', async () => {
    const [port = 0] = await freePorts(1);
    const silent = server(port, { readyPattern: /never/ });
    await expect(silent.start()).rejects.toThrow(/listener was not ready within 0.3 s/);
    expect(silent.pid).toBeUndefined();
  });

  test('whose program does not exist fails', async () => {
    await expect(server(1, { command: '/no/such/program' }).start()).rejects.toThrow(
      /listener ended .*\/no\/such\/program/,
    );
  });
});

describe('a command', () => {
  test('that takes too long is ended', async () => {
    const wait = ['-e', 'console.log("begun"); setInterval(() => {}, 1000)'];
    await expect(runCommand(process.execPath, wait, { runMsMax: 300 })).rejects.toThrow(/failed \(SIGKILL\)/);
  });

  test('that fails is quoted', async () => {
    const fail = ['-e', 'console.error("E: no such package"); process.exit(4)'];
    await expect(runCommand(process.execPath, fail, { runMsMax: 10_000 })).rejects.toThrow(
      /exit 4\): E: no such package/,
    );
  });
});

describe('the guardian', () => {
  test('ends what it started and removes the folder', async () => {
    const child = guardian.spawn('sleep', ['600'], { stdio: QUIET, endSignal: 'SIGKILL' });
    const end = endOf(child);
    await guardian.release();
    expect(existsSync(folder)).toBe(false);
    expect(await end).toBe('SIGKILL');
  });

  test("spares the group of a child that has ended: its number may be somebody else's by then", async () => {
    const script = 'sleep 600 >/dev/null & echo $!';
    const child = guardian.spawn('/bin/sh', ['-c', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
      endSignal: 'SIGKILL',
    });
    const said = new Promise<string>((resolve) => child.stdout?.once('data', (data: Buffer) => resolve(`${data}`)));
    await endOf(child);
    const pid = Number(await said);
    await guardian.release();
    expect(isGone(pid)).toBe(false);
    process.kill(pid, 'SIGKILL');
  });

  test('knows a child from its first moment: one whose parent is killed right after the start', async () => {
    const pidFile = join(folder, 'child.pid');
    const parent = spawn(process.execPath, ['--import', 'tsx', '-e', START_AND_DIE, folder, pidFile], {
      stdio: 'inherit',
    });
    expect(await endOf(parent)).toBe('SIGKILL');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await waitFor(() => isGone(pid), { deadlineMs: 10_000, what: 'the child is gone' });
  });

  test('that was killed leaves its children to us, and more can be started', async () => {
    const before = guardian.spawn('sleep', ['600'], { stdio: QUIET, endSignal: 'SIGKILL' });
    process.kill(guardian.pid ?? 0, 'SIGKILL');
    const children = [before];
    // Before we learn of its end, and after.
    children.push(guardian.spawn('sleep', ['600'], { stdio: QUIET, endSignal: 'SIGKILL' }));
    await guardian.release();
    children.push(guardian.spawn('sleep', ['600'], { stdio: QUIET, endSignal: 'SIGKILL' }));
    for (const child of children) {
      expect(isGone(child.pid ?? 0)).toBe(false);
      child.kill('SIGTERM');
      expect(await endOf(child)).toBe('SIGTERM');
    }
  });

  test('lets a suspended process end in its own way', async () => {
    const script = 'trap "exit 7" QUIT; echo begun; while :; do sleep 0.05; done';
    const child = guardian.spawn('/bin/sh', ['-c', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
      endSignal: 'SIGQUIT',
    });
    const end = endOf(child);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGSTOP');
    await guardian.release();
    expect(await end).toBe(7);
  });

  test('has nothing to do twice', async () => {
    await guardian.release();
    await guardian.release();
    await waitFor(() => !existsSync(folder), { deadlineMs: 15_000, what: 'the folder is gone' });
  });
});

/** Exit code, or the signal that ended it. */
function endOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
}
