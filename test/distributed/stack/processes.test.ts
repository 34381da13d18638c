/** Real child processes of this Node, in milliseconds: how servers are started, ended and cleaned up after. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../../distributed/stack/free-port.ts';
import { Guardian } from '../../../distributed/stack/guardian.ts';
import { runCommand } from '../../../distributed/stack/run-command.ts';
import { ServerProcess } from '../../../distributed/stack/server-process.ts';
import { PortTakenError } from '../../../distributed/stack/stack-error.ts';
import { waitFor } from '../../support/wait-for.ts';

const LISTEN = `
const [port, stubborn] = process.argv.slice(1);
if (stubborn) process.on('SIGTERM', () => {});
require('node:net').createServer().listen(Number(port), '127.0.0.1', () => console.log('ready'));
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
    await expect(server(1, { command: '/no/such/program' }).start()).rejects.toThrow(/listener ended .*ENOENT/);
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
  test('ends what it watches, spares what it was told to forget, and removes the folder', async () => {
    const children = [0, 1].map(() => spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }));
    const ends = children.map((child) => new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal))));
    for (const child of children) guardian.watch(child.pid ?? 0, 'KILL');
    guardian.forget(children[1]?.pid ?? 0);
    await guardian.release();
    expect(existsSync(folder)).toBe(false);
    expect(await ends[0]).toBe('SIGKILL');
    expect(children[1]?.signalCode).toBeNull();
    children[1]?.kill('SIGTERM');
    expect(await ends[1]).toBe('SIGTERM');
  });

  test('lets a suspended process end in its own way', async () => {
    const script = 'trap "exit 7" QUIT; echo begun; while :; do sleep 0.05; done';
    const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    const end = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    guardian.watch(child.pid ?? 0, 'QUIT');
    child.kill('SIGSTOP');
    await guardian.release();
    expect(await end).toBe(7);
  });

  test('has nothing to do twice', async () => {
    await guardian.release();
    await guardian.release();
    await waitFor(() => !existsSync(folder), { deadlineMs: 1_000, what: 'the folder is gone' });
  });
});
