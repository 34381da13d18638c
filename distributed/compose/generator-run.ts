/**
 * The generator service sends a load; its history and its manifest come into the run directory as the harness's own
 * would.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import type { LoadOptions } from '../generator/load-options.ts';
import { type JsonLinesWriter, readJsonLines } from '../run/json-lines.ts';
import { type HistoryRecord, historyRecordSchema } from '../run/records.ts';
import type { RunClock } from '../run/run-clock.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { generatorArguments } from '../scenarios/docker-compose.ts';
import type { ComposeProject } from './compose-project.ts';

const START_MS_MAX = 60_000;
const SEND_MS_MAX = 10 * 60_000;

const sentSchema = z.object({
  published: z.number(),
  ratePerSecond: z.number(),
  acknowledgementMs: z.object({ p50: z.number(), p99: z.number() }),
});
export type Sent = z.infer<typeof sentSchema>;

const manifestSchema = z.object({ batches: z.array(z.object({ batchId: z.string() })) });

export interface GeneratorRun {
  readonly project: ComposeProject;
  readonly directory: RunDirectory;
  readonly clock: RunClock;
  readonly load: Omit<LoadOptions, 'startAtMs'>;
  readonly signal: AbortSignal;
}

/** An interrupted generator leaves the history of what it sent; that comes too. */
export async function runGenerator({ project, directory, clock, load, signal }: GeneratorRun): Promise<Sent> {
  const folder = directory.file('generator');
  await mkdir(folder, { recursive: true });
  const files = ['--manifest', '/out/manifest.json', '--history', '/out/history.jsonl', '--json'];
  const runMsMax = START_MS_MAX + SEND_MS_MAX + (load.durationSeconds ?? 0) * 1_000;
  try {
    const output = await project.run('generator', [...generatorArguments(load), ...files], {
      folder,
      runMsMax,
      signal,
    });
    await rename(`${folder}/manifest.json`, directory.file('manifest.json'));
    return sentSchema.parse(JSON.parse(output));
  } finally {
    await adoptHistory(`${folder}/history.jsonl`, directory, clock);
    await rm(folder, { recursive: true, force: true });
  }
}

export function batchIdsOf(manifest: unknown): string[] {
  return manifestSchema.parse(manifest).batches.map(({ batchId }) => batchId);
}

/** The generator's monotonic clock began with itself; the run's is meant. */
async function adoptHistory(path: string, directory: RunDirectory, clock: RunClock): Promise<void> {
  const startedAtMs = clock.startedAt.getTime();
  const writer: JsonLinesWriter<HistoryRecord> = directory.historyWriter();
  try {
    await writer.appendAll(onClock(path, startedAtMs));
  } finally {
    writer.close();
  }
}

async function* onClock(path: string, startedAtMs: number): AsyncGenerator<HistoryRecord> {
  for await (const record of readJsonLines(path, historyRecordSchema)) {
    yield { ...record, monoMs: record.wallMs - startedAtMs };
  }
}
