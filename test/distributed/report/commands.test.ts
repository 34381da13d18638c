import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { compareCommand, logsCommand, reportCommand } from '../../../distributed/report/commands.ts';
import { removeSampleFolders, sampleFolder, sampleRun } from '../../support/recorded/sample-run.ts';

/** The page's script is bundled for the first report. */
jest.setTimeout(30_000);

afterAll(removeSampleFolders);

interface Answer {
  readonly output: string;
  readonly errors: string;
  readonly exitCode: number;
}

/** Runs a subcommand as a program would, in this process, and gives back what it left there. */
async function run(command: Command, ...args: readonly string[]): Promise<Answer> {
  const output: string[] = [];
  const errors: string[] = [];
  const take = (texts: string[]) => (text: string | Uint8Array) => texts.push(String(text)) > 0;
  const writing = jest.spyOn(process.stdout, 'write').mockImplementation(take(output));
  const complaining = jest.spyOn(process.stderr, 'write').mockImplementation(take(errors));
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await command.parseAsync(args, { from: 'user' });
    return { output: output.join(''), errors: errors.join(''), exitCode: Number(process.exitCode) };
  } finally {
    process.exitCode = before;
    writing.mockRestore();
    complaining.mockRestore();
  }
}

describe('the subcommands', () => {
  test('report builds the page and junit.xml again and prints where the page is', async () => {
    const sample = await sampleRun();
    const { output, exitCode } = await run(reportCommand(), sample.path);
    expect([output, exitCode]).toEqual([`${sample.file('report.html')}\n`, 0]);
    expect(existsSync(sample.file('junit.xml'))).toBe(true);
  });

  test('compare exits with 1 when B is worse and with 0 otherwise, and writes a page when asked', async () => {
    const parent = sampleFolder();
    const [good, bad] = [await sampleRun({ seed: 1 }, parent), await sampleRun({ seed: 2, broken: ['I1'] }, parent)];
    const page = join(parent, 'compare.html');
    const worse = await run(compareCommand(), good.path, bad.path, '--html', page);
    expect([worse.exitCode, worse.output.split('\n')[0], existsSync(page)]).toEqual([1, '✗ B is worse than A', true]);
    const better = await run(compareCommand(), bad.path, good.path, '--json');
    expect(better.exitCode).toBe(0);
    expect(JSON.parse(better.output)).toMatchObject({ isWorse: false });
  });

  test('logs prints the lines about a batch, as JSON with their process', async () => {
    const sample = await sampleRun();
    const { output } = await run(logsCommand(), sample.path, '--batch', 'batch-2', '--json');
    const lines = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { process: string; batchId: string });
    expect(lines.map(({ process, batchId }) => `${process} ${batchId}`)).toEqual([
      'worker-1 batch-2',
      'worker-2 batch-2',
      'worker-3 batch-2',
    ]);
    const none = await run(logsCommand(), sample.path, '--correlation', 'nobody');
    expect([none.output, none.errors]).toEqual(['', 'logs: no line is about that; LOG_LEVEL=debug logs more\n']);
  });

  test('what is no run directory is wrong usage, said in one line', async () => {
    const { errors, exitCode } = await run(reportCommand(), tmpdir());
    expect([errors, exitCode]).toEqual([`${tmpdir()} is not a run directory: it has no env.json\n`, 2]);
  });
});
