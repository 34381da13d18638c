/**
 * Goal: nothing of a local stack outlives its process, whenever and however that ends. Method: a child process starts a
 * stack in a temporary folder of its own and is killed; then every process that was given that folder, and
 * the folder's content, must be gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../../../support/wait-for.ts';

jest.setTimeout(90_000);

const START_MS_MAX = 60_000;
const CLEAN_UP_MS_MAX = 15_000;

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

/** `pnpm stack` as one process, so that a signal reaches it and nobody else. */
function runStack(
  environment: NodeJS.ProcessEnv = {},
  args: readonly string[] = [],
): { child: ChildProcess; output: () => string } {
  const { DATABASE_URL: _d, REDIS_URL: _r, KAFKA_BROKERS: _k, ...rest } = process.env;
  const env = { ...rest, TMPDIR: folder, ELS_STACK: 'local', ...environment };
  const program = ['--import', 'tsx', 'distributed/bin/stack.ts', ...args];
  const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  return { child, output: () => output };
}

async function up(output: () => string): Promise<void> {
  await waitFor(() => /the stack is up/.test(output()), { deadlineMs: START_MS_MAX, what: 'the stack is up' }).catch(
    (error: unknown) => {
      throw new Error(`it only said: ${output()}`, { cause: error });
    },
  );
}

/** Processes that name our folder or work in it: Redis hides its command line. */
function processesOfStack(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(`/proc/${pid}/cmdline`).includes(folder) || workingFolder(pid).includes(folder))
    .map(Number);
}

function workingFolder(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
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
    const { child, output } = runStack();
    await up(output);
    const pids = processesOfStack();
    const servers = pids.map((pid) => read(`/proc/${pid}/cmdline`)).join('\n');
    for (const name of [/bin\/postgres/, /redis-server/, /kafka\.Kafka/, /els-stack-guardian/])
      expect(servers).toMatch(name);
    expect(stackFolders()).toHaveLength(1);
    child.kill('SIGKILL');
    await expectNothingLeft(pids);
  });

  test('by SIGKILL with every server suspended leaves no process and no folder', async () => {
    const { child, output } = runStack();
    await up(output);
    const pids = processesOfStack();
    const guardian = pids.find((pid) => read(`/proc/${pid}/cmdline`).includes('els-stack-guardian'));
    for (const pid of pids) if (pid !== child.pid && pid !== guardian) process.kill(pid, 'SIGSTOP');
    child.kill('SIGKILL');
    await expectNothingLeft(pids);
  });

  test.each([/stack: starting/, /stack: postgres: /])('by SIGKILL half way, at %s, leaves nothing', async (moment) => {
    const { child, output } = runStack();
    await waitFor(() => moment.test(output()), { deadlineMs: START_MS_MAX, what: `output ${moment}` });
    const pids = processesOfStack();
    child.kill('SIGKILL');
    await expectNothingLeft(pids);
  });

  test('because one server cannot start leaves nothing and says why in one line', async () => {
    const { child, output } = runStack({ ELS_POSTGRES_BIN: '/no/such/folder' });
    expect(await ended(child)).toBe(3);
    expect(output().trim().split('\n').at(-1)).toMatch(
      /^stack: PostgreSQL 15 or newer is missing .*\/no\/such\/folder/,
    );
    await expectNothingLeft([]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('by %s has said how to reach it, and stops in order', async (signal) => {
    const envFile = join(folder, 'variables');
    const { child, output } = runStack({}, ['--write-env', envFile]);
    await up(output);
    const lines = /^DATABASE_URL=postgresql:\S+\nREDIS_URL=redis:\S+\nKAFKA_BROKERS=127\S+\n$/;
    expect(read(envFile)).toMatch(lines);
    for (const line of read(envFile).trim().split('\n')) expect(output()).toContain(`export ${line}\n`);
    child.kill(signal);
    expect(await ended(child)).toBe(0);
    expect(stackFolders()).toEqual([]);
    expect(existsSync(envFile)).toBe(false);
    await expectNothingLeft([]);
  });
});

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve));
}
