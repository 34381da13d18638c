/**
 * A library that shows a process another time of day than the machine's, as a file says, and another one soon after the
 * file has changed: the one of this machine, else Debian's package unpacked into the cache. Durations stay right.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { StackContext } from '../process/context.ts';
import { StackError } from '../process/stack-error.ts';
import { cached } from './cache.ts';
import { isDebian, systemRelease, unpackPackages } from './debian.ts';

/** Of processes with several threads, as Node's. */
const LIBRARY = join('faketime', 'libfaketimeMT.so.1');

export function canFakeTime(): boolean {
  return isDebian() || libraryIn('/usr/lib') !== undefined;
}

export async function fakeTimeLibrary(
  context: Pick<StackContext, 'guardian' | 'signal' | 'onProgress'>,
): Promise<string> {
  const installed = libraryIn('/usr/lib');
  if (installed !== undefined) return installed;
  if (!isDebian()) throw new StackError('libfaketime is missing: install the package faketime');
  const folder = await cached(`faketime-${systemRelease()}-${process.arch}`, async (building) => {
    await unpackPackages('libfaketime', building, context);
    const entry = join(building, 'unpacked');
    await mkdir(entry);
    await rename(join(building, 'usr', 'lib'), join(entry, 'lib'));
    return entry;
  });
  const library = libraryIn(join(folder, 'lib'));
  if (library === undefined) throw new StackError('the package libfaketime has not what it had');
  return library;
}

/** Debian keeps libraries by machine. */
function libraryIn(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const places = ['', ...readdirSync(folder)].map((machine) => join(folder, machine, LIBRARY));
  return places.find((place) => existsSync(place));
}

/** Of a process whose clock the file sets; see `clockSetting`. */
export function fakeTimeEnv(library: string, file: string): Record<string, string> {
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
}

/** What the file says for a clock that is ahead by so much, or behind. */
export function clockSetting(aheadSeconds: number): string {
  return `${aheadSeconds < 0 ? '' : '+'}${aheadSeconds}\n`;
}
