/** `results.json` of a bench: every run of every contestant, on what machine. Medians are made of it, never kept. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CONTESTANT_KINDS } from './contestant.ts';

const machineSchema = z.object({
  cpu: z.string(),
  cores: z.number(),
  memoryBytes: z.number(),
  platform: z.string(),
  node: z.string(),
  servers: z.record(z.string(), z.string()),
  /** Of 8 KiB written and synchronised where the servers have their data. */
  syncMs: z.object({ p50: z.number(), p95: z.number() }),
});

const runSchema = z.object({
  perSecond: z.number(),
  steadyPerSecond: z.number().nullable(),
  cpuUsPerInput: z.object({ worker: z.number(), postgres: z.number(), kafka: z.number(), redis: z.number() }),
  walBytesPerInput: z.number(),
  peakRssBytes: z.number(),
  stealShare: z.number(),
  /** Sentences on what came out wrong; none if the outcome is right. */
  problems: z.array(z.string()),
});

const rowSchema = z.object({
  name: z.string(),
  kind: z.enum(CONTESTANT_KINDS),
  about: z.string(),
  workers: z.number(),
  inputs: z.number(),
  runs: z.array(runSchema),
});

const shapeSchema = z.object({
  name: z.string(),
  about: z.string(),
  xTitle: z.string(),
  figures: z.array(z.object({ name: z.string(), unit: z.string() })),
  points: z.array(
    z.object({
      series: z.string(),
      x: z.number(),
      /** Of every repeat, parallel to the figures. */
      runs: z.array(z.object({ values: z.array(z.number()), problems: z.array(z.string()) })),
    }),
  ),
});

const backlogSchema = z.object({
  batches: z.number(),
  slots: z.number(),
  routing: z.enum(['production', 'adversarial']),
  seed: z.number(),
});

const resultsSchema = z.object({
  schemaVersion: z.literal(1),
  startedAt: z.string(),
  command: z.string(),
  /** A commit, with `+` behind it when files differ from it. */
  build: z.string(),
  release: z.string().nullable(),
  repeats: z.number(),
  backlog: backlogSchema,
  machine: machineSchema,
  rows: z.array(rowSchema),
  shapes: z.array(shapeSchema).default([]),
  leftOut: z.array(z.object({ name: z.string(), reason: z.string() })),
});

export type BenchResults = z.infer<typeof resultsSchema>;
export type BenchRow = z.infer<typeof rowSchema>;
export type BenchRun = z.infer<typeof runSchema>;
export type ShapeResult = z.infer<typeof shapeSchema>;
export type Machine = z.infer<typeof machineSchema>;

export async function readBenchResults(file: string): Promise<BenchResults> {
  const text = await readFile(file, 'utf8');
  const parsed = resultsSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new Error(`${file} is no result of a bench: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
