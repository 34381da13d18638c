/**
 * Goal: nothing of a stack outlives its process, whenever and however that ends. Method: a child process starts a
 * stack in a temporary folder of its own and is killed; then every process that was given that folder, and
 * the folder's content, must be gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { waitFor } from '../../support/wait-for.ts';

jest.setTimeout(90_000);

const START_MS_MAX = 60_000;
const CLEAN_UP_MS_MAX = 15_000;
const Up = z.object({ dataDir: z.string(), pids: z.array(z.number()) });

let folder = '';
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'els-holder-'));
  chmodSync(folder, 0o755);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function run(program: string, environment: NodeJS.ProcessEnv = {}): { child: ChildProcess; output: () => string } {
  const { DATABASE_URL: _d, REDIS_URL: _r, KAFKA_BROKERS: _k, ...rest } = process.env;
  const env = { ...rest, TMPDIR: folder, ...environment };
  const child = spawn(process.execPath, ['--import', 'tsx', program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  return { child, output: () => output };
}

const holder = (environment?: NodeJS.ProcessEnv) => run('test/distributed/stack/stack-holder.ts', environment);

/** Processes that were given our folder; Redis overwrites its command line, PostgreSQL its environment. */
function processesOfStack(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(`/proc/${pid}/cmdline`).includes(folder) || read(`/proc/${pid}/environ`).includes(folder))
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** A process that ended and waits for its parent to ask about it is not alive. */
function isAlive(pid: number): boolean {
  const state = /\) (\S)/.exec(read(`/proc/${pid}/stat`))?.[1];
  return state !== undefined && state !== 'Z';
}

/** Node and tsx keep caches of their own in the temporary folder. */
function stackFolders(): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('els-'));
}

async function expectNothingLeft(pids: readonly number[]): Promise<void> {
  await waitFor(() => stackFolders().length === 0, { deadlineMs: CLEAN_UP_MS_MAX, what: 'the data folder is gone' });
  const gone = () => pids.every((pid) => !isAlive(pid)) && processesOfStack().length === 0;
  await waitFor(gone, { deadlineMs: CLEAN_UP_MS_MAX, what: 'every process is gone' });
}

describe('a stack whose process ends', () => {
  test('by SIGKILL leaves no process and no folder', async () => {
    const { child, output } = holder();
    const line = await waitFor(() => /^up (.*)$/m.exec(output())?.[1], {
      deadlineMs: START_MS_MAX,
      what: 'the stack is up',
    });
    const { pids } = Up.parse(JSON.parse(line));
    expect(pids).toHaveLength(4);
    expect(pids.every(isAlive)).toBe(true);
    expect(stackFolders()).toHaveLength(1);
    expect(processesOfStack().length).toBeGreaterThanOrEqual(4);
    child.kill('SIGKILL');
    await expectNothingLeft(pids);
  });

  test('by SIGKILL with every server suspended leaves no process and no folder', async () => {
    const { child, output } = holder();
    const line = await waitFor(() => /^up (.*)$/m.exec(output())?.[1], {
      deadlineMs: START_MS_MAX,
      what: 'the stack is up',
    });
    const { pids } = Up.parse(JSON.parse(line));
    for (const pid of pids.slice(1)) process.kill(pid, 'SIGSTOP');
    child.kill('SIGKILL');
    await expectNothingLeft(pids);
  });

  test.each([/progress starting/, /progress postgres: /])(
    'by SIGKILL half way, at %s, leaves nothing',
    async (moment) => {
      const { child, output } = holder();
      await waitFor(() => moment.test(output()), { deadlineMs: START_MS_MAX, what: `output ${moment}` });
      const pids = processesOfStack();
      child.kill('SIGKILL');
      await expectNothingLeft(pids);
    },
  );

  test('because one server cannot start leaves nothing and says why in one line', async () => {
    const { child, output } = run('distributed/bin/stack.ts', { ELS_POSTGRES_BIN: '/no/such/folder' });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(3);
    expect(output().trim().split('\n').at(-1)).toMatch(
      /^stack: PostgreSQL 15 or newer is missing .*\/no\/such\/folder/,
    );
    await expectNothingLeft([]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('by %s prints what it offered and stops in order', async (signal) => {
    const envFile = join(folder, 'variables');
    const { child, output } = run('distributed/bin/stack.ts');
    await waitFor(() => /the stack is up/.test(output()), { deadlineMs: START_MS_MAX, what: 'the stack is up' });
    expect(output()).toMatch(
      /^export DATABASE_URL=postgresql:.*\nexport REDIS_URL=redis:.*\nexport KAFKA_BROKERS=127/m,
    );
    child.kill(signal);
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    expect(stackFolders()).toEqual([]);
    expect(readdirSync(folder)).not.toContain(envFile);
    await expectNothingLeft([]);
  });
});
