/** Which directories hold the answers of an observed part: a part's own, those of a run's parts, the newest run's. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PANELS_FILE } from '../observe/panel-record.ts';
import { PARTS_FOLDER } from '../run/run-directory.ts';

const MAKE_ONE = 'make one with `pnpm test:distributed --scenario race_conditions --observe`';

export class NotObservedError extends Error {}

export async function observedParts(directory: string): Promise<string[]> {
  if (!existsSync(directory)) throw new NotObservedError(`${directory} does not exist; ${MAKE_ONE}`);
  const parts = await partsWithPanels(directory);
  if (parts.length === 0) {
    throw new NotObservedError(`${directory} has no ${PANELS_FILE}: it was not run with --observe; ${MAKE_ONE}`);
  }
  return parts;
}

/** Names of run directories begin with their time. */
export async function newestObservedParts(parent: string): Promise<string[]> {
  for (const name of (await foldersIn(parent)).reverse()) {
    const parts = await partsWithPanels(join(parent, name));
    if (parts.length > 0) return parts;
  }
  throw new NotObservedError(`no run in ${parent} was observed; ${MAKE_ONE}`);
}

async function partsWithPanels(directory: string): Promise<string[]> {
  const parts = (await foldersIn(join(directory, PARTS_FOLDER))).map((name) => join(directory, PARTS_FOLDER, name));
  return [directory, ...parts].filter((each) => existsSync(join(each, PANELS_FILE)));
}

/** In order of name. */
async function foldersIn(directory: string): Promise<string[]> {
  if (!existsSync(directory)) return [];
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
