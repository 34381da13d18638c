/**
 * Limits the CPU of each worker by a control group (version 1 or 2), where this process may make one. Else nothing is
 * limited and the reason is said: ratios between numbers of instances then tell about the host.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const PERIOD_US = 100_000;
const ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
const NOTHING = { apply: async () => undefined, close: async () => undefined };

export interface CpuLimits {
  /** Null when the limit is in force; else why it is not. */
  readonly unavailable: string | null;
  /** Puts the program that follows into the group of this worker. */
  launcherOf(index: number): readonly string[];
  /** Puts the limit in force, for workers that are warm: starting under it would take ages. */
  apply(): Promise<void>;
  /** Removes the groups; their processes must be gone. */
  close(): Promise<void>;
}

export async function limitCpu(options: { cores: number; workers: number; name: string }): Promise<CpuLimits> {
  const quotaUs = Math.round(options.cores * PERIOD_US);
  const folders: string[] = [];
  let version: 1 | 2 = 2;
  try {
    const parent = await parentFolder();
    version = parent.version;
    for (let index = 0; index < options.workers; index++) {
      const folder = join(parent.path, `els-${process.pid}-${options.name}-${index + 1}`);
      await mkdir(folder);
      folders.push(folder);
    }
  } catch (error) {
    await remove(folders);
    const reason = error instanceof Error ? error.message : String(error);
    return { unavailable: `no CPU limit: ${reason}`, launcherOf: () => [], ...NOTHING };
  }
  return {
    unavailable: null,
    launcherOf: (index) => ['/bin/sh', '-c', ENTER, folders[index] ?? ''],
    apply: async () => {
      for (const folder of folders) await setQuota(folder, version, quotaUs);
    },
    close: () => remove(folders),
  };
}

async function setQuota(folder: string, version: 1 | 2, quotaUs: number): Promise<void> {
  if (version === 2) return writeFile(join(folder, 'cpu.max'), `${quotaUs} ${PERIOD_US}`);
  await writeFile(join(folder, 'cpu.cfs_period_us'), String(PERIOD_US));
  await writeFile(join(folder, 'cpu.cfs_quota_us'), String(quotaUs));
}

async function parentFolder(): Promise<{ path: string; version: 1 | 2 }> {
  if (existsSync(join(ROOT, 'cpu', 'cpu.cfs_quota_us')) || existsSync(join(ROOT, 'cpu', 'tasks'))) {
    return { path: join(ROOT, 'cpu'), version: 1 };
  }
  const controllers = await readFile(join(ROOT, 'cgroup.controllers'), 'utf8').catch(() => '');
  if (!controllers.split(/\s+/).includes('cpu')) throw new Error('no control groups with CPU here');
  const delegated = await readFile(join(ROOT, 'cgroup.subtree_control'), 'utf8').catch(() => '');
  if (!delegated.split(/\s+/).includes('cpu')) await writeFile(join(ROOT, 'cgroup.subtree_control'), '+cpu');
  return { path: ROOT, version: 2 };
}

async function remove(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rmdir(folder).catch(() => undefined);
}
