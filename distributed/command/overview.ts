/**
 * The directory of a run of several parts: their verdicts in one results.json, and enough of their records, side by
 * side in time, for one page about the whole.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { readdir, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeResults } from '../engine/conclude-part.ts';
import type { Part, Results } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { mergeVerdict } from '../run/verdict.ts';

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

export function writeOverview(run: RunDirectory, parts: readonly Part[], interrupted: boolean): Promise<Results> {
  return writeResults(run, {
    verdict: mergeVerdict([], [], parts),
    durationMs: parts.reduce((sum, part) => sum + part.durationMs, 0),
    checks: [],
    races: [],
    gates: [],
    numbers: {},
    parts: [...parts],
    ...(interrupted ? { interrupted } : {}),
  });
}
