/**
 * Goal: servers in containers can be broken like local ones, and nothing of them outlives its process, whenever and however
 * that ends. Method: the engine is asked, by its own command line. Needs one: runs with ELS_STACK=docker.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { PortTakenError } from '../../../../distributed/stack/process/stack-error.ts';
import { type Stack, stackSource, startStack } from '../../../../distributed/stack/stack.ts';
import { waitFor } from '../../../support/wait-for.ts';

jest.setTimeout(180_000);

const START_MS_MAX = 150_000;
const CLEAN_UP_MS_MAX = 30_000;
const describeDocker = stackSource() === 'docker' ? describe : describe.skip;

let folder = '';
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'els-containers-'));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function docker(...args: readonly string[]): string {
  return execFileSync('docker', args, { encoding: 'utf8', timeout: 30_000 }).trim();
}

/** Names of containers, running or not, that the process has started. */
function containersOf(pid: number | undefined): string[] {
  const found = docker('ps', '--all', '--filter', `name=^els-${pid}-`, '--format', '{{.Names}}');
  return found === '' ? [] : found.split('\n').sort();
}

/** `pnpm stack` as one process, so that a signal reaches it and nobody else. */
function runStack(): { child: ChildProcess; output: () => string } {
  const { DATABASE_URL: _d, REDIS_URL: _r, KAFKA_BROKERS: _k, ...rest } = process.env;
  const program = ['--import', 'tsx', 'distributed/bin/stack.ts', '--stack', 'docker'];
  const child = spawn(process.execPath, program, {
    env: { ...rest, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return { child, output: () => output };
}

async function said(output: () => string, words: RegExp): Promise<void> {
  const what = `the stack says ${words}`;
  await waitFor(() => words.test(output()), { deadlineMs: START_MS_MAX, what }).catch((error: unknown) => {
    throw new Error(`it only said: ${output()}`, { cause: error });
  });
}

async function expectNothingLeft(child: ChildProcess): Promise<void> {
  const folders = () => readdirSync(folder).filter((name) => name.startsWith('els-stack-'));
  await waitFor(() => folders().length === 0, { deadlineMs: CLEAN_UP_MS_MAX, what: 'the data folder is gone' });
  expect(containersOf(child.pid)).toEqual([]);
}

describeDocker('a stack of containers whose process ends', () => {
  test('by SIGKILL with every container frozen leaves no container and no folder', async () => {
    const { child, output } = runStack();
    await said(output, /the stack is up/);
    const names = containersOf(child.pid);
    expect(names.map((name) => name.split('-').at(-1))).toEqual(['kafka', 'postgres', 'redis']);
    if (/REDIS_URL=redis:\/\/127\.0\.0\.1:/.test(output())) {
      const published = docker('inspect', '--format', '{{json .HostConfig.PortBindings}}', ...names);
      expect(published.match(/"HostIp":"127\.0\.0\.1"/g)).toHaveLength(3);
    }
    docker('pause', ...names);
    child.kill('SIGKILL');
    await expectNothingLeft(child);
  });

  test('by SIGKILL half way leaves no container and no folder', async () => {
    const { child, output } = runStack();
    await waitFor(() => containersOf(child.pid).length > 0, { deadlineMs: START_MS_MAX, what: 'a first container' });
    expect(output()).not.toContain('the stack is up');
    child.kill('SIGKILL');
    await expectNothingLeft(child);
  });

  test('by SIGINT is removed when it has ended', async () => {
    const { child, output } = runStack();
    await said(output, /the stack is up/);
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(containersOf(child.pid)).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.startsWith('els-stack-'))).toEqual([]);
  });
});

describeDocker('a server in a container', () => {
  let stack: Stack;
  let redis: Redis;

  beforeAll(async () => {
    stack = await startStack({ source: 'docker', onlyNeeded: ['redis'], onProgress: () => {} });
    redis = new Redis(stack.redisUrl, { commandTimeout: 500, maxRetriesPerRequest: 0 });
    redis.on('error', () => {});
  });

  afterAll(async () => {
    redis.disconnect();
    await stack.stop();
  });

  const server = () => {
    const [only] = stack.servers;
    if (only === undefined) throw new Error('there is no server');
    return only;
  };
  const answers = () =>
    redis.ping().then(
      () => true,
      () => false,
    );
  const soon = (what: string) => ({ deadlineMs: 20_000, what });

  test('is silent while it is frozen, and goes on with what it had', async () => {
    await waitFor(answers, soon('Redis answers'));
    await redis.set('kept', '1');
    const { identity } = server();
    await server().kill('SIGSTOP');
    expect(await answers()).toBe(false);
    await server().kill('SIGCONT');
    await waitFor(answers, soon('Redis answers again'));
    expect(await redis.get('kept')).toBe('1');
    expect(server().identity).toEqual(identity);
  });

  test('that somebody else killed is known to be gone, and starts again on its port', async () => {
    const { identity } = server();
    docker('kill', String(identity?.['container']));
    await waitFor(() => server().identity === undefined, soon('its end is known'));
    expect(await answers()).toBe(false);
    await server().start();
    await waitFor(answers, soon('Redis answers again'));
    expect(server().identity).not.toEqual(identity);
    expect(readFileSync(server().logFile, 'utf8').match(/ready to accept connections/gi)).toHaveLength(2);
  });

  test('is measured by its own process where that is in sight', () => {
    const { pid } = server();
    if (pid === undefined) return;
    expect(readFileSync(`/proc/${pid}/comm`, 'utf8').trim()).toBe('redis-server');
  });

  test('whose port is taken says so, for another one to be tried, and leaves no container', async () => {
    const { openEngine } = await import('../../../../distributed/stack/containers/container-engine.ts');
    const { ServerContainer } = await import('../../../../distributed/stack/containers/server-container.ts');
    const engine = await openEngine();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const container = new ServerContainer(
      {
        name: 'second',
        image: docker('inspect', '--format', '{{.Config.Image}}', String(server().identity?.['container'])),
        port: typeof address === 'object' && address !== null ? address.port : 0,
        containerPort: 6379,
        environment: {},
        readyPattern: /ready to accept connections/i,
        readyLinesAtFirst: 1,
        startMsMax: 20_000,
        stopMsMax: 5_000,
        logFile: join(folder, 'second.log'),
      },
      engine,
    );
    await expect(container.start()).rejects.toThrow(PortTakenError);
    expect(containersOf(process.pid).filter((name) => name.endsWith('-second'))).toEqual([]);
    taken.close();
  });
});
