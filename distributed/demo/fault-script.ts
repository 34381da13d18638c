import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerProcess } from '../cluster/worker-process.ts';

/**
 * The faults of a demo, each in mid-load and each repaired. Resolves when all are over, so that no verdict is taken
 * while a worker is still down.
 */
export interface FaultScript {
  readonly workers: readonly WorkerProcess[];
  readonly killOne: boolean;
  readonly pauseOne: boolean;
  /** Kafka session time-out of the workers: the pause must outlast it. */
  readonly sessionMs: number;
  /** Share of the inputs resolved so far, 0 to 1. */
  readonly progress: () => number;
  readonly onNote: (note: string) => void;
  readonly signal: AbortSignal;
}

export interface FaultRecord {
  readonly kind: 'kill' | 'pause';
  readonly worker: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** How far the load was: a fault after the work is done proves nothing. */
  readonly progress: number;
}

const START_PROGRESS = 0.2;
const DOWN_MS = 2_000;
const POLL_INTERVAL_MS = 50;

export async function runFaults(script: FaultScript): Promise<FaultRecord[]> {
  const { workers, killOne, pauseOne } = script;
  const faults: Promise<FaultRecord>[] = [];
  const victim = workers[0];
  const sleeper = workers[workers.length - 1];
  if (killOne && victim !== undefined) {
    faults.push(kill(script, victim));
  }
  if (pauseOne && sleeper !== undefined) {
    faults.push(pause(script, sleeper));
  }
  return Promise.all(faults);
}

async function kill(script: FaultScript, worker: WorkerProcess): Promise<FaultRecord> {
  await untilProgress(script);
  const fromMs = Date.now();
  const progress = script.progress();
  await worker.kill();
  script.onNote(`${worker.name} was killed (SIGKILL), back in ${DOWN_MS / 1_000} s`);
  await sleep(DOWN_MS, undefined, { signal: script.signal });
  await worker.start();
  return { kind: 'kill', worker: worker.name, fromMs, toMs: Date.now(), progress };
}

async function pause(script: FaultScript, worker: WorkerProcess): Promise<FaultRecord> {
  const pauseMs = script.sessionMs * 1.3;
  await untilProgress(script);
  const fromMs = Date.now();
  const progress = script.progress();
  worker.pause();
  script.onNote(
    `${worker.name} is frozen (SIGSTOP) for ${pauseMs / 1_000} s, its session ends after ${script.sessionMs / 1_000} s`,
  );
  try {
    await sleep(pauseMs, undefined, { signal: script.signal });
  } finally {
    worker.resume();
  }
  script.onNote(`${worker.name} goes on (SIGCONT)`);
  return { kind: 'pause', worker: worker.name, fromMs, toMs: Date.now(), progress };
}

async function untilProgress({ progress, signal }: FaultScript): Promise<void> {
  while (progress() < START_PROGRESS) {
    await sleep(POLL_INTERVAL_MS, undefined, { signal });
  }
}
