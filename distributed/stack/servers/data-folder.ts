/**
 * Where the servers of a stack keep what is theirs: a new folder that each of them can enter. Started by root, PostgreSQL
 * runs as somebody else, whom root's own temporary folder may shut out (`mktemp -d`, systemd's PrivateTmp).
 */
import { realpathSync, statSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { StackError } from '../process/stack-error.ts';
import { isRoot } from '../programs/debian.ts';

const TEMPORARY_FOLDERS = ['/tmp', '/var/tmp'];

export async function makeDataFolder(parent = temporaryFolder()): Promise<string> {
  const folder = await mkdtemp(join(parent, 'els-stack-'));
  if (isRoot()) await chmod(folder, 0o755);
  return folder;
}

function temporaryFolder(): string {
  if (!isRoot()) return tmpdir();
  const open = [tmpdir(), ...TEMPORARY_FOLDERS].find(isOpenToAll);
  if (open !== undefined) return open;
  throw new StackError(
    `PostgreSQL, which does not run as root, cannot enter ${tmpdir()}: set TMPDIR to a folder that all may enter`,
  );
}

export function isOpenToAll(folder: string): boolean {
  for (let current = realpathSync(folder); ; current = dirname(current)) {
    if ((statSync(current).mode & 0o005) !== 0o005) return false;
    if (dirname(current) === current) return true;
  }
}
