/**
 * `measured.json`: what only the running part could know, gates and numbers it measured and checks it made itself.
 * Judging again takes it as it is; everything else is derived from the evidence anew.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { resultsSchema } from './results.ts';
import type { RunDirectory } from './run-directory.ts';

const MEASURED_FILE = 'measured.json';

const measuredSchema = z.object({
  ...resultsSchema.pick({ checks: true, gates: true, numbers: true }).shape,
  note: z.string().optional(),
  interrupted: z.boolean().optional(),
});
export type Measured = z.infer<typeof measuredSchema>;

export async function writeMeasured(directory: RunDirectory, measured: Measured): Promise<void> {
  await writeFile(directory.file(MEASURED_FILE), `${JSON.stringify(measured, null, 2)}\n`);
}

export async function readMeasured(directory: RunDirectory): Promise<Measured> {
  const path = directory.file(MEASURED_FILE);
  if (!existsSync(path)) return { checks: [], gates: [], numbers: {} };
  return measuredSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}
