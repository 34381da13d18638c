/**
 * The directory of a run of several parts: their verdicts in one results.json, and enough of their records, side by
 * side in time, for one page about the whole.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { readdir, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeJunit } from '../report/junit.ts';
import { writeReport } from '../report/report-page.ts';
import { SCHEMA_VERSION } from '../run/environment.ts';
import type { Part, Results } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { exitCodeOf, mergeVerdict } from '../run/verdict.ts';

const COMMON_FILES = ['metrics.jsonl', 'faults.jsonl', 'phases.jsonl'];

/** Called once for each part that has come to its end. */
export async function addToOverview(run: RunDirectory, part: RunDirectory, name: string): Promise<void> {
  for (const file of COMMON_FILES) {
    const source = part.file(file);
    if (existsSync(source)) await pipeline(createReadStream(source), createWriteStream(run.file(file), { flags: 'a' }));
  }
  for (const log of await readdir(part.file('logs'))) {
    const link = run.file('logs', `${name.replaceAll('/', '-')}-${log}`);
    await symlink(relative(run.file('logs'), join(part.file('logs'), log)), link).catch(() => undefined);
  }
}

export async function writeOverview(run: RunDirectory, parts: readonly Part[], interrupted: boolean): Promise<Results> {
  const { environment } = run;
  const judged = {
    verdict: mergeVerdict([], [], parts),
    durationMs: parts.reduce((sum, part) => sum + part.durationMs, 0),
    checks: [],
    races: [],
    gates: [],
    numbers: {},
    parts: [...parts],
    ...(interrupted ? { interrupted } : {}),
  };
  const results: Results = {
    schemaVersion: SCHEMA_VERSION,
    runId: environment.runId,
    scenario: environment.scenario,
    seed: environment.seed,
    startedAt: environment.startedAt,
    exitCode: exitCodeOf(judged),
    ...judged,
  };
  await run.writeResults(results);
  await writeJunit(run);
  await writeReport(run);
  return results;
}
