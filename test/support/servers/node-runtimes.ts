/**
 * The Node.js versions a worker is supported on, as programs: the one that runs the tests, others from the cache, into
 * which npm's package `node` (which brings the binary) puts them when it can be had.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cacheDirectory } from '../../../distributed/stack/programs/cache.ts';

const INSTALL_MS_MAX = 120_000;

/** Undefined where the version cannot be had. */
export function nodeProgram(major: number): string | undefined {
  if (isOfMajor(process.execPath, major)) return process.execPath;
  const folder = join(cacheDirectory(), `node-${major}`);
  const program = join(folder, 'node_modules', 'node', 'bin', 'node');
  if (isOfMajor(program, major)) return program;
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, `node@${major}`];
  spawnSync('npm', args, { timeout: INSTALL_MS_MAX });
  return isOfMajor(program, major) ? program : undefined;
}

function isOfMajor(program: string, major: number): boolean {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return stdout?.startsWith(`v${major}.`) ?? false;
}
