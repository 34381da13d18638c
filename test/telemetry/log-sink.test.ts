/** A log that cannot be written, in real processes. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { waitFor } from '../support/wait-for.ts';

const PROGRAM = resolve(__dirname, '../support/worker/chatty-program.ts');
const DEADLINE_MS = 30_000;
/** Of the program. */
const GRACE_MS = 3_000;
const LINES = 20_000;
const LOST = 'log lines were lost';

jest.setTimeout(90_000);

interface Report {
  readonly ticks: number;
  readonly rssBytes: number;
  readonly lostLines: number;
}

const started: ChildProcess[] = [];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'els-log-'));
});
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** The program with standard output of our choice, what it says on standard error collected. */
function chatty(stdout: 'pipe' | number, lines = LINES) {
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, `${lines}`], {
    stdio: ['ignore', stdout, 'pipe'],
  });
  started.push(child);
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += String(chunk);
  });
  return {
    child,
    logged: () => waitFor(() => said.includes('logged by'), { deadlineMs: DEADLINE_MS, what: 'all lines logged' }),
    stop: async () => {
      const ended = once(child, 'exit');
      const stderrEnded = once(child.stderr as NonNullable<typeof child.stderr>, 'close');
      const startedAtMs = performance.now();
      child.kill('SIGTERM');
      const [code] = await ended;
      const tookMs = performance.now() - startedAtMs;
      await stderrEnded;
      const report = JSON.parse(said.trim().split('\n').at(-1) ?? '') as Report;
      return { code: code as number | null, tookMs, report };
    },
  };
}

function expectUnharmed({ code, tookMs, report }: Awaited<ReturnType<ReturnType<typeof chatty>['stop']>>): void {
  expect(code).toBe(0);
  expect(tookMs).toBeLessThan(GRACE_MS);
  expect(report.ticks).toBeGreaterThan(0);
  expect(report.rssBytes).toBeLessThan(250 * 1024 * 1024);
}

test('a full disk costs lines and nothing else', async () => {
  const full = openSync('/dev/full', 'w');
  const program = chatty(full);
  closeSync(full);
  await program.logged();
  const end = await program.stop();
  expectUnharmed(end);
  expect(end.report.lostLines).toBeGreaterThan(LINES / 2);
});

test('a pipe that nobody reads costs lines and nothing else', async () => {
  const program = chatty('pipe');
  await program.logged();
  const end = await program.stop();
  expectUnharmed(end);
  expect(end.report.lostLines).toBeGreaterThan(LINES / 2);
});

test('a pipe whose reader is gone costs all further lines and nothing else', async () => {
  const program = chatty('pipe');
  program.child.stdout?.destroy();
  await program.logged();
  const end = await program.stop();
  expectUnharmed(end);
  expect(end.report.lostLines).toBeGreaterThan(LINES / 2);
});

const testOnTerminal = spawnSync('script', ['--version']).error === undefined ? test : test.skip;

testOnTerminal('a terminal that nobody reads costs lines and nothing else (needs script)', async () => {
  const path = join(folder, 'said');
  const command = `exec ${process.execPath} --import tsx ${PROGRAM} ${LINES} 2>${path}`;
  // It copies from its terminal to its output until that is full, and then reads no more.
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] });
  started.push(terminal);
  const said = () => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  await waitFor(() => said().includes('logged by'), { deadlineMs: DEADLINE_MS, what: 'all lines logged' });
  process.kill(Number(/logged by (\d+)/.exec(said())?.[1]), 'SIGTERM');
  await waitFor(() => said().includes('ticks'), { deadlineMs: GRACE_MS, what: 'the end' });
  const report = JSON.parse(said().trim().split('\n').at(-1) ?? '') as Report;
  expect(report.lostLines).toBeGreaterThan(LINES / 2);
});

test('lines lost are counted, and told when there is a reader again; no line is cut or out of order', async () => {
  const program = chatty('pipe');
  await program.logged();
  let text = '';
  program.child.stdout?.on('data', (chunk) => {
    text += String(chunk);
  });
  await waitFor(() => text.includes(LOST), { deadlineMs: DEADLINE_MS, what: 'a line that tells of the loss' });
  const { report, code } = await program.stop();
  expect(code).toBe(0);
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { msg: string; line?: number; lostLines?: number });
  const numbers = lines.flatMap(({ line }) => (line === undefined ? [] : [line]));
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(lines.filter(({ msg }) => msg === LOST).map(({ lostLines }) => lostLines)).toEqual([report.lostLines]);
  expect(numbers.length + report.lostLines).toBe(LINES);
  expect(lines.at(-1)?.msg).toBe('stopped');
});

test('to a file every line is written, the last one too', async () => {
  const path = join(folder, 'log');
  const file = openSync(path, 'w');
  const program = chatty(file, 2_000);
  closeSync(file);
  await program.logged();
  expectUnharmed(await program.stop());
  const messages = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
  expect(messages.filter((msg) => msg === 'line')).toHaveLength(2_000);
  expect(messages.at(-1)).toBe('stopped');
});
