/** `collected.json`: what the dump of a run holds when it is whole, so that a file cut short is noticed. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

export const COLLECTED_FILE = 'collected.json';

export const collectedSchema = z.object({
  /** Lines by file, relative to the run directory. */
  lines: z.record(z.string(), z.number().int().nonnegative()),
  /** Of the topics read back: records from `low` on, up to but without `end`. */
  partitions: z.array(
    z.object({
      file: z.enum(['in', 'out', 'dlq']),
      topic: z.string(),
      partition: z.number().int(),
      low: z.number().int(),
      end: z.number().int(),
      /**
       * Of the consumer group that is judged; null where it has committed nothing, absent for topics it does not read.
       */
      committed: z.number().int().nullable().optional(),
    }),
  ),
  /** Whether the harness's triggers were in place. */
  audited: z.boolean(),
});
export type Collected = z.infer<typeof collectedSchema>;

export async function writeCollected(path: string, collected: Collected): Promise<void> {
  await writeFile(path, `${JSON.stringify(collected, null, 2)}\n`);
}

/** Null where nothing was collected. */
export async function readCollected(path: string): Promise<Collected | null> {
  return existsSync(path) ? collectedSchema.parse(JSON.parse(await readFile(path, 'utf8'))) : null;
}
