/** `lost.json`: ids of events whose transactions a failover took back. They may stand in Kafka beside what came instead. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { RunDirectory } from './run-directory.ts';

const FILE = 'lost.json';
const lostSchema = z.object({ eventIds: z.array(z.string()) });

export async function writeLostEvents(directory: RunDirectory, eventIds: readonly string[]): Promise<void> {
  await writeFile(directory.file(FILE), JSON.stringify({ eventIds }));
}

/** Empty where nothing was lost. */
export async function readLostEvents(directory: RunDirectory): Promise<ReadonlySet<string>> {
  const path = directory.file(FILE);
  if (!existsSync(path)) return new Set();
  return new Set(lostSchema.parse(JSON.parse(await readFile(path, 'utf8'))).eventIds);
}
