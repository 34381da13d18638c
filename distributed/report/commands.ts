/**
 * `report`, `compare` and `logs` as subcommands for a program to add. They read run directories only, never a service.
 * Exit codes as everywhere: 2 wrong usage, and for `compare` 1 when B is worse.
 */
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { RunDirectory } from '../run/run-directory.ts';
import { RunDirectoryError } from '../run/run-directory-error.ts';
import { EXIT } from '../run/verdict.ts';
import { comparePage } from './compare-page.ts';
import { compareRuns, loadRunResult } from './compare-runs.ts';
import { compareText } from './compare-text.ts';
import { writeJunit } from './junit.ts';
import { formatLogEntry, mergedLogs } from './merged-logs.ts';
import { writeReport } from './report-page.ts';

export function reportCommand(): Command {
  return subcommand('report')
    .description('build report.html and junit.xml of a finished run again')
    .argument('<directory>', 'a run directory, for example runs/latest')
    .action((path: string) =>
      answering(async () => {
        const run = await RunDirectory.open(path);
        await writeJunit(run);
        process.stdout.write(`${await writeReport(run)}\n`);
      }),
    );
}

export function compareCommand(): Command {
  return subcommand('compare')
    .description('say what changed from run A to run B beyond noise; exit code 1 when B is worse')
    .argument('<A>', 'the run directory to compare with')
    .argument('<B>', 'the run directory to judge')
    .option('--json', 'print one JSON object instead of text')
    .option('--html <file>', 'also write a page, for example compare.html')
    .action((before: string, after: string, options: { json?: boolean; html?: string }) =>
      answering(async () => {
        const comparison = compareRuns(await loadRunResult(before), await loadRunResult(after));
        if (options.html !== undefined) await writeFile(options.html, await comparePage(comparison));
        process.stdout.write(options.json ? `${JSON.stringify(comparison)}\n` : compareText(comparison));
        if (comparison.isWorse) process.exitCode = EXIT.invalid;
      }),
    );
}

export function logsCommand(): Command {
  const command = subcommand('logs');
  return command
    .description('print what all processes of a run logged about a correlation, a batch or a trace, in order of time')
    .argument('<directory>', 'a run directory, for example runs/latest')
    .option('--correlation <id>', 'lines about this correlation id')
    .option('--batch <id>', 'lines about this batch')
    .option('--trace <id>', 'lines about this trace id')
    .option('--json', 'print the lines as JSON, each with its process')
    .action((path: string, options: LogsOptions) => {
      if ([options.correlation, options.batch, options.trace].every((id) => id === undefined)) {
        command.error('error: --correlation, --batch or --trace is needed', { exitCode: EXIT.usage });
      }
      return answering(() => printLogs(path, options));
    });
}

interface LogsOptions {
  readonly correlation?: string;
  readonly batch?: string;
  readonly trace?: string;
  readonly json?: boolean;
}

async function printLogs(path: string, options: LogsOptions) {
  const run = await RunDirectory.open(path);
  const { correlation: correlationId, batch: batchId, trace: traceId } = options;
  let count = 0;
  for await (const entry of mergedLogs(run, { correlationId, batchId, traceId })) {
    count++;
    const json = { process: entry.process, ...(entry.fields ?? { line: entry.line }) };
    const line = options.json ? JSON.stringify(json) : formatLogEntry(entry);
    if (!process.stdout.write(`${line}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
  if (count === 0) process.stderr.write('logs: no line is about that; LOG_LEVEL=debug logs more\n');
}

function subcommand(name: string): Command {
  return new Command(name).exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage));
}

async function answering(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof RunDirectoryError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT.usage;
  }
}
