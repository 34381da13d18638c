/** A Node for what does not run on ours: some peers need 22. Taken from the package registry, kept by pnpm. */
import { runCommand } from '../stack/process/run-command.ts';
import { pnpmCommand } from './builds.ts';

const MAJOR_MIN = 22;
const VERSION = '22.23.3';
const DOWNLOAD_MS_MAX = 120_000;

export interface NodeProgram {
  readonly path: string;
  readonly version: string;
}

/** Rejects where there is none for this platform. */
export async function findNewerNode(): Promise<NodeProgram> {
  if (Number(process.versions.node.split('.')[0]) >= MAJOR_MIN) {
    return { path: process.execPath, version: process.versions.node };
  }
  const [pnpm, ...before] = pnpmCommand();
  const name = `node-${process.platform}-${process.arch}@${VERSION}`;
  const args = [...before, `--package=${name}`, 'dlx', 'node', '-p', 'process.execPath'];
  const path = (await runCommand(pnpm, args, { runMsMax: DOWNLOAD_MS_MAX })).trim().split('\n').at(-1) ?? '';
  return { path, version: VERSION };
}
