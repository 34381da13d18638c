/** `env.json`: what was run, on what, and how to run it again. Written before anything else of a run. */
import { z } from 'zod';

export const SCHEMA_VERSION = 1;

const server = z.object({
  version: z.string(),
  /** False for a stand-in: a result about it says nothing about the real server. */
  real: z.boolean(),
});

export const environmentSchema = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  runId: z.string().min(1),
  scenario: z.string().min(1),
  tier: z.enum(['quick', 'full']),
  seed: z.number().int(),
  /** Every option in effect, defaults and drawn ones too. */
  options: z.record(z.string(), z.unknown()),
  instances: z.number().int().positive(),
  stack: z.enum(['local', 'docker', 'external']),
  servers: z.object({ postgres: server, redis: server, kafka: server }),
  /** Null outside a git checkout; ends in `+` when the tree differed from it. */
  commit: z.string().nullable(),
  node: z.string(),
  platform: z.string(),
  cores: z.number().int().positive(),
  memoryBytes: z.number().positive(),
  startedAt: z.iso.datetime(),
  /** The command line that repeats this run. */
  replay: z.string(),
});

export type Environment = z.infer<typeof environmentSchema>;
