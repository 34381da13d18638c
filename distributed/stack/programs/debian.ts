/**
 * Debian's and Ubuntu's package system: installs when we are root, and otherwise fetches packages without any
 * privilege and unpacks them into a folder. Package lists are fetched first when the machine has none. Works of ours
 * follow each other, and wait a while for those of other processes, because apt refuses to run twice at once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StackContext } from '../process/context.ts';
import { announced } from '../process/progress.ts';
import { runCommand } from '../process/run-command.ts';
import { cacheDirectory } from './cache.ts';
import { programOnPath } from './find-program.ts';

const DOWNLOAD_MS_MAX = 300_000;
const INSTALL_MS_MAX = 900_000;
const LOCK_WAITS_MAX = 120;
const LOCK_WAIT_MS = 1_000;
const SYSTEM_LISTS = '/var/lib/apt/lists';

type Context = Pick<StackContext, 'guardian' | 'signal' | 'onProgress'>;

export function isDebian(): boolean {
  return existsSync('/etc/debian_version') && programOnPath('apt-get') !== undefined;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** `debian-12`, `ubuntu-24.04`. */
export function systemRelease(): string {
  if (!existsSync('/etc/os-release')) return process.platform;
  const text = readFileSync('/etc/os-release', 'utf8');
  const value = (name: string) => new RegExp(`^${name}="?([\\w.-]+)"?$`, 'm').exec(text)?.[1] ?? 'unknown';
  return `${value('ID')}-${value('VERSION_ID')}`;
}

/** Changes the machine; only for root, and said aloud. */
export function installPackages(names: readonly string[], context: Context): Promise<void> {
  return oneAtATime(async () => {
    const options = await withLists(context);
    await announced(`installing ${names.join(' and ')} with apt-get (as root)`, context.onProgress, () =>
      apt([...options, 'install', '-y', '--no-install-recommends', ...names], context, { runMsMax: INSTALL_MS_MAX }),
    );
  });
}

/** Unpacks the package and those it needs that this machine lacks into `folder`. Needs no root. */
export function unpackPackages(name: string, folder: string, context: Context): Promise<void> {
  return oneAtATime(async () => {
    const options = await withLists(context);
    const limits = { runMsMax: DOWNLOAD_MS_MAX, cwd: folder };
    const plan = await apt([...options, 'install', '--simulate', '--no-install-recommends', name], context, limits);
    const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
    await announced(`downloading ${missing.join(', ')} from the Debian archive`, context.onProgress, () =>
      apt([...options, 'download', ...missing], context, limits),
    );
    const { guardian, signal } = context;
    for (const archive of readdirSync(folder).filter((file) => file.endsWith('.deb'))) {
      await runCommand('dpkg', ['-x', archive, folder], { guardian, signal, ...limits });
    }
  });
}

let former: Promise<unknown> = Promise.resolve();

function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  const mine = former.then(work, work);
  former = mine.catch(() => {});
  return mine;
}

/** Makes sure there are package lists; the options that make apt use them. */
async function withLists(context: Context): Promise<readonly string[]> {
  if (hasLists(SYSTEM_LISTS)) return [];
  const options = isRoot() ? [] : await ownState();
  const lists = isRoot() ? SYSTEM_LISTS : join(cacheDirectory(), 'apt', 'lists');
  if (!hasLists(lists)) {
    await announced('fetching the package lists with apt-get update', context.onProgress, () =>
      apt([...options, 'update'], context, { runMsMax: DOWNLOAD_MS_MAX }),
    );
  }
  return options;
}

function hasLists(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((file) => file.includes('_Packages'));
}

/** Without root the machine's lists cannot be written, so apt works on lists of our own. */
async function ownState(): Promise<readonly string[]> {
  const folder = join(cacheDirectory(), 'apt');
  await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
  await mkdir(join(folder, 'archives', 'partial'), { recursive: true });
  return ['-o', `Dir::State::Lists=${join(folder, 'lists')}`, '-o', `Dir::Cache=${folder}`];
}

async function apt(
  args: readonly string[],
  { guardian, signal }: Context,
  limits: { readonly runMsMax: number; readonly cwd?: string },
): Promise<string> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  for (let wait = 1; ; wait += 1) {
    try {
      return await runCommand('apt-get', args, { guardian, signal, env, ...limits });
    } catch (error) {
      const locked = error instanceof Error && /Could not get lock|Unable to lock/i.test(error.message);
      if (!locked || signal.aborted || wait === LOCK_WAITS_MAX) throw error;
      await sleep(LOCK_WAIT_MS);
    }
  }
}
