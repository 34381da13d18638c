/**
 * Programs as they are deployed: this checkout compiled, and a release taken from git, installed and compiled outside
 * the checkout, once per commit.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../stack/process/run-command.ts';
import { cached } from '../stack/programs/cache.ts';

const GIT_MS_MAX = 30_000;
const INSTALL_MS_MAX = 300_000;
const COMPILE_MS_MAX = 120_000;
/** The compiled worker, from the root of a checkout. */
export const WORKER = 'dist/bin/worker.js';

export interface Release {
  readonly root: string;
  readonly commit: string;
  /** As it was asked for, else its version. */
  readonly name: string;
}

export async function compile(root: string): Promise<void> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  await runCommand(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, runMsMax: COMPILE_MS_MAX });
}

/** The given commit, else the last release that the changelog has. */
export async function buildRelease(root: string, ref: string | null, say: (line: string) => void): Promise<Release> {
  const last = ref === null ? await lastRelease(root) : { name: ref, ref };
  const commit = (await git(root, 'rev-parse', '--verify', `${last.ref}^{commit}`)).trim();
  const folder = await cached(join('releases', commit), async (building) => {
    say(`building ${last.name} (${commit.slice(0, 12)}), once`);
    const [archive, checkout] = [join(building, 'release.tar'), join(building, 'release')];
    await git(root, 'archive', '--format=tar', '--prefix=release/', `--output=${archive}`, commit);
    await runCommand('tar', ['-xf', archive, '-C', building], { runMsMax: GIT_MS_MAX });
    const [pnpm, ...before] = pnpmCommand();
    const install = [...before, 'install', '--frozen-lockfile', '--prefer-offline'];
    await runCommand(pnpm, install, { cwd: checkout, env: { ...process.env, CI: '1' }, runMsMax: INSTALL_MS_MAX });
    await compile(checkout);
    return checkout;
  });
  return { root: folder, commit, name: last.name };
}

/** Its tag; a release without one is what there was at the end of the day that the changelog names. */
async function lastRelease(root: string): Promise<{ name: string; ref: string }> {
  const changelog = await readFile(join(root, 'CHANGELOG.md'), 'utf8');
  const [, version, day] = /^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$/m.exec(changelog) ?? [];
  if (version === undefined || day === undefined)
    throw new Error('CHANGELOG.md names no release: give one with --against');
  const tag = (await git(root, 'tag', '--list', `v${version}`)).trim();
  const ref = tag || (await git(root, 'log', '-1', '--format=%H', `--until=${day}T23:59:59Z`)).trim();
  if (ref === '') throw new Error(`no commit of ${day} in this clone: give the release with --against`);
  return { name: version, ref };
}

function git(root: string, ...args: string[]): Promise<string> {
  return runCommand('git', args, { cwd: root, runMsMax: GIT_MS_MAX });
}

/** The one that runs us, which need not be in the path. */
export function pnpmCommand(): readonly [string, ...string[]] {
  const script = process.env['npm_execpath'];
  return script === undefined ? ['pnpm'] : /\.c?js$/.test(script) ? [process.execPath, script] : [script];
}
