/**
 * A file system of its own for what a server writes, small and in memory, so that it can be filled without filling the
 * machine's. Linux lets root make one, unless root is only called so (in a container without the right to mount).
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StackContext } from '../process/context.ts';
import { SMALL_DISK } from '../process/guardian.ts';
import { runCommand } from '../process/run-command.ts';
import { isRoot } from '../programs/debian.ts';

/** Which of PostgreSQL's files are on it: tables, or the log that is written ahead of them. */
export type SmallDiskFor = 'data' | 'wal';

/** A fresh cluster, the database of a part, and some segments of the log. */
const SIZE = '256m';
const MOUNT_MS_MAX = 10_000;

/** Tried, not guessed. */
export async function canMakeSmallDisk(): Promise<boolean> {
  if (process.platform !== 'linux' || !isRoot()) return false;
  const folder = await mkdtemp(join(tmpdir(), 'els-mount-'));
  try {
    await mount(folder, '1m');
    await runCommand('umount', [folder], { runMsMax: MOUNT_MS_MAX });
    return true;
  } catch {
    return false;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The guardian unmounts it, whoever ends how. */
export async function makeSmallDisk({ dataDir }: Pick<StackContext, 'dataDir'>): Promise<string> {
  const folder = join(dataDir, SMALL_DISK);
  await mkdir(folder);
  await mount(folder, SIZE);
  return folder;
}

async function mount(folder: string, size: string): Promise<void> {
  await runCommand('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tmpfs', folder], {
    runMsMax: MOUNT_MS_MAX,
  });
}
