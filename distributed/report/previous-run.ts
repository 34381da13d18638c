/** The newest earlier run of the same scenario beside a run, if there is one that was judged: what to compare with. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Environment } from '../run/environment.ts';
import { PARTS_FOLDER, RunDirectory } from '../run/run-directory.ts';
import { type Comparison, compareRuns, loadRunResult } from './compare-runs.ts';

/** Among more runs than this the last one of a scenario is too long ago to be compared with. */
const LOOKED_AT_MAX = 100;

/** Null where there is no such run. Directories that cannot be read are of another time and are passed over. */
export async function compareWithPrevious(run: RunDirectory): Promise<Comparison | null> {
  const path = resolve(run.path);
  const inParts = basename(dirname(path)) === PARTS_FOLDER;
  const whole = inParts ? dirname(dirname(path)) : path;
  for (const name of await earlierRuns(whole)) {
    const candidate = inParts ? join(dirname(whole), name, PARTS_FOLDER, basename(path)) : join(dirname(whole), name);
    if (!existsSync(join(candidate, 'results.json')) || !(await isComparable(candidate, run.environment))) continue;
    return compareRuns(await loadRunResult(candidate), await loadRunResult(path));
  }
  return null;
}

/** The newest first; their names begin with their time. */
async function earlierRuns(whole: string): Promise<string[]> {
  const entries = await readdir(dirname(whole), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name < basename(whole))
    .map(({ name }) => name)
    .sort()
    .reverse()
    .slice(0, LOOKED_AT_MAX);
}

/** Other differences of the conditions are told by the comparison; these would make it one of different things. */
async function isComparable(path: string, { scenario, tier, instances }: Environment): Promise<boolean> {
  try {
    const { environment } = await RunDirectory.open(path);
    const results = await (await RunDirectory.open(path)).readResults();
    const isSame =
      environment.scenario === scenario && environment.tier === tier && environment.instances === instances;
    return isSame && results !== null && results.interrupted !== true;
  } catch {
    return false;
  }
}
