/** What a bench ran on: figures of another machine are other figures. */
import { open, rm } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Stack } from '../stack/stack.ts';
import type { Machine } from './results.ts';
import { quantile } from './statistics.ts';

const SYNC_COUNT = 200;
const SYNC_BYTES = 8_192;

export async function describeMachine(stack: Stack): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    servers: { ...stack.description },
    syncMs: await measureSync(stack.dataDir),
  };
}

/** The price of every commit. */
async function measureSync(folder: string): Promise<Machine['syncMs']> {
  const name = join(folder, 'sync-probe');
  const file = await open(name, 'w');
  const times: number[] = [];
  try {
    const page = Buffer.alloc(SYNC_BYTES, 1);
    for (let count = 0; count < SYNC_COUNT; count++) {
      const startedAtMs = performance.now();
      await file.write(page);
      await file.datasync();
      times.push(performance.now() - startedAtMs);
    }
  } finally {
    await file.close();
    await rm(name);
  }
  return { p50: quantile(times, 0.5), p95: quantile(times, 0.95) };
}
