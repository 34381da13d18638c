/**
 * What was downloaded or prepared once is kept outside the checkout. An entry exists completely or not at all: it is
 * built under another name and renamed, so any number of processes may build the same entry at once.
 */
import { existsSync, type Stats } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const LEFTOVER_AGE_MS = 3_600_000;

export function cacheDirectory(): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'essay-lifecycle-service');
}

/** The entry's path; `build` fills the given empty folder if there is none yet and returns what becomes the entry. */
export async function cached(name: string, build: (folder: string) => Promise<string>): Promise<string> {
  const entry = join(cacheDirectory(), name);
  if (existsSync(entry)) return entry;
  await mkdir(dirname(entry), { recursive: true });
  await removeLeftovers(dirname(entry));
  const folder = await mkdtemp(join(dirname(entry), '.building-'));
  try {
    const built = await build(folder);
    await rename(built, entry).catch((error: unknown) => {
      // Another process was faster; its entry is as good as ours.
      if (!existsSync(entry)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return entry;
}

/** A process that was killed while it built leaves its folder behind. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('.building-')) continue;
    const found: Stats | undefined = await stat(join(folder, name)).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > LEFTOVER_AGE_MS) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}
