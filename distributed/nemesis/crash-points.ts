/**
 * Steps of a worker's work at which it ends itself without a farewell: every gap between two things that it does for one
 * record or one event. A worker that can be told so is a program of its own (`CRASHING_PROGRAM`), the product's worker
 * with each step watched from outside. It writes down that it is there before it ends: what it wrote is the evidence.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { READY_MS_MAX, STOP_GRACE_MS } from '../cluster/worker-cluster.ts';
import type { WorkerProcess } from '../cluster/worker-process.ts';
import type { Injector } from './injector.ts';

/** From the root of the checkout; it knows the product's inside, so it stands with the tests. */
export const CRASHING_PROGRAM = 'test/support/worker/crashing-worker.ts';
/** Where a worker reads at which point to end, and writes that it has met it. */
export const CRASH_POINT_FOLDER = 'ELS_TEST_CRASH_POINT_FOLDER';
/** Tells it to read. */
export const CRASH_POINT_SIGNAL = 'SIGUSR2';

/** From a fetch to the commit of its offsets. */
export const INTAKE_POINTS = [
  'records fetched',
  'marked as in hand',
  'before a statement',
  'assignment under way',
  'before a commit',
  'commit under way',
  'committed',
  'hints written',
  'dead letter acknowledged',
  'before its position',
  'position written',
  'offsets under way',
  'offsets committed',
  'leaving the group',
] as const;

/** From the commit that wrote a row of the outbox to the mark that it is published. */
export const OUTBOX_POINTS = [
  'row offered',
  'before a produce',
  'produce under way',
  'produced',
  'mark under way',
  'marked',
  'before a take',
  'rows taken',
] as const;

export type CrashPoint = (typeof INTAKE_POINTS)[number] | (typeof OUTBOX_POINTS)[number];

/** For a worker to have partitions, and to come to its point, on a busy machine too. */
const MET_MS_MAX = 45_000;
const POLL_INTERVAL_MS = 20;

const metSchema = z.object({ point: z.string(), pid: z.number() });

export function crashPointFile(folder: string, worker: string): string {
  return join(folder, `${worker}.crash-point.json`);
}

/** It is gone once this has begun, and ready again once it has stopped. */
export function workerEndedAt(point: CrashPoint, worker: WorkerProcess, folder: string): Injector {
  const file = crashPointFile(folder, worker.name);
  return {
    fault: `ended at ${point}`,
    target: worker.name,
    async start() {
      const { pid } = worker;
      if (pid === undefined) return null;
      await writeFile(file, JSON.stringify({ point }));
      worker.expectEnd();
      process.kill(pid, CRASH_POINT_SIGNAL);
      // It leaves only when it is asked to stop; whoever stopped in order has not met its point.
      if (point === 'leaving the group') await worker.stop(STOP_GRACE_MS);
      await untilEnded(worker, pid);
      const met = metSchema.safeParse(JSON.parse(await readFile(file, 'utf8'))).data;
      const { signal, atMs } = worker.exits.at(-1) ?? {};
      return met?.point === point && met.pid === pid && signal === 'SIGKILL' ? { pid, point, signal, atMs } : null;
    },
    async stop() {
      // One that never came to its point is not left waiting for it.
      await worker.kill();
      await worker.start();
      await worker.waitReady(READY_MS_MAX);
      return { pid: worker.pid, ready: true };
    },
  };
}

async function untilEnded(worker: WorkerProcess, pid: number): Promise<void> {
  const giveUpAtMs = Date.now() + MET_MS_MAX;
  while (worker.pid === pid && Date.now() < giveUpAtMs) await sleep(POLL_INTERVAL_MS);
}
