/**
 * Debian's and Ubuntu's package system: installs when we are root, and otherwise fetches packages without any
 * privilege and unpacks them into a folder. Package lists are fetched first when the machine has none.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from './cache.ts';
import type { StackContext } from './context.ts';
import { programOnPath } from './find-program.ts';
import { announced } from './progress.ts';
import { type CommandOptions, runCommand } from './run-command.ts';

const DOWNLOAD_MS_MAX = 300_000;
const INSTALL_MS_MAX = 900_000;
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
export async function installPackages(names: readonly string[], context: Context): Promise<void> {
  const command = await commandOptions(context, INSTALL_MS_MAX);
  await announced(`installing ${names.join(' and ')} with apt-get (as root)`, context.onProgress, () =>
    runCommand('apt-get', ['install', '-y', '--no-install-recommends', ...names], command),
  );
}

/** Packages known to the machine's lists, out of `names`. */
export async function knownPackages(names: readonly string[], context: Context): Promise<readonly string[]> {
  const command = await commandOptions(context, DOWNLOAD_MS_MAX);
  const known = await Promise.all(
    names.map((name) =>
      runCommand('apt-cache', [...command.aptOptions, 'show', '--no-all-versions', name], command).then(
        (output) => output.includes('Package:'),
        () => false,
      ),
    ),
  );
  return names.filter((_, index) => known[index]);
}

/** Unpacks the package and those it needs that this machine lacks into `folder`. Needs no root. */
export async function unpackPackages(name: string, folder: string, context: Context): Promise<void> {
  const command = await commandOptions(context, DOWNLOAD_MS_MAX);
  const apt = (args: readonly string[], cwd = folder) =>
    runCommand('apt-get', [...command.aptOptions, ...args], { ...command, cwd });
  const plan = await apt(['install', '--simulate', '--no-install-recommends', name]);
  const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
  await announced(`downloading ${missing.join(', ')} from the Debian archive`, context.onProgress, () =>
    apt(['download', ...missing]),
  );
  const archives = readdirSync(folder).filter((file) => file.endsWith('.deb'));
  for (const archive of archives) await runCommand('dpkg', ['-x', archive, folder], { ...command, cwd: folder });
}

async function commandOptions(
  context: Context,
  runMsMax: number,
): Promise<CommandOptions & { readonly aptOptions: readonly string[] }> {
  const { guardian, signal } = context;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const options = { guardian, signal, env, runMsMax };
  if (hasLists(SYSTEM_LISTS)) return { ...options, aptOptions: [] };
  const aptOptions = isRoot() ? [] : await ownState();
  const lists = isRoot() ? SYSTEM_LISTS : join(cacheDirectory(), 'apt', 'lists');
  if (!hasLists(lists)) {
    await announced('fetching the package lists with apt-get update', context.onProgress, () =>
      runCommand('apt-get', [...aptOptions, 'update'], options),
    );
  }
  return { ...options, aptOptions };
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
