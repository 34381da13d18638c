/** `check DIR`: judges a finished run again from its files alone and writes results, JUnit and page anew. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { readVerdict, writeVerdict } from '../engine/conclude-part.ts';
import { textSummary } from '../report/text-summary.ts';
import type { Part, Results } from '../run/results.ts';
import { PARTS_FOLDER, RunDirectory } from '../run/run-directory.ts';
import { RunDirectoryError } from '../run/run-directory-error.ts';
import { EXIT } from '../run/verdict.ts';
import { writeOverview } from './overview.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('judge a finished run again, offline; exit code as that of a run')
    .argument('<directory>', 'a run directory, for example runs/latest')
    .option('--json', 'print the results as one JSON object')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage))
    .action(async (path: string, options: { json?: boolean }) => {
      try {
        const { directory, results } = await checkRun(path);
        const summary = textSummary(results, directory.file('report.html'));
        process.stdout.write(options.json ? `${JSON.stringify(results)}\n` : summary);
        process.exitCode = results.exitCode;
      } catch (error) {
        if (!(error instanceof RunDirectoryError)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = EXIT.usage;
      }
    });
}

export async function checkRun(path: string): Promise<{ directory: RunDirectory; results: Results }> {
  const directory = await RunDirectory.open(path);
  const before = await directory.readResults();
  const folder = directory.file(PARTS_FOLDER);
  if (existsSync(folder)) {
    const parts: Part[] = [];
    for (const name of await partNames(folder, before)) {
      const part = await RunDirectory.open(directory.file(PARTS_FOLDER, name));
      parts.push(await writeVerdict(part, { name, directory: join(PARTS_FOLDER, name) }));
    }
    return { directory, results: await writeOverview(directory, parts, before?.interrupted === true) };
  }
  await writeVerdict(directory, { name: directory.environment.scenario });
  return { directory, results: await readVerdict(directory, before?.interrupted === true) };
}

/** In the order they ran, as far as that is known. */
async function partNames(folder: string, before: Results | null): Promise<string[]> {
  const found = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const order = before?.parts?.map(({ name }) => name) ?? [];
  return found.map(({ name }) => name).sort((one, other) => order.indexOf(one) - order.indexOf(other));
}
