/** What happens to workers: killed, frozen, asked to stop. The process table is the witness. */

import { setTimeout as sleep } from 'node:timers/promises';
import { processUsage } from '../cluster/process-usage.ts';
import { READY_MS_MAX, STOP_GRACE_MS } from '../cluster/worker-cluster.ts';
import type { WorkerProcess } from '../cluster/worker-process.ts';
import type { Injector } from './injector.ts';

const STATE_MS_MAX = 2_000;
const POLL_INTERVAL_MS = 20;

export const WORKER_FAULTS = ['worker-kill', 'worker-pause', 'worker-stop'] as const;

export type WorkerFault = (typeof WORKER_FAULTS)[number];

export function workerInjector(fault: WorkerFault, worker: WorkerProcess): Injector {
  const base = { fault, target: worker.name };
  switch (fault) {
    case 'worker-kill':
      return {
        ...base,
        start: async () => {
          const { pid } = worker;
          if (pid === undefined) return null;
          await worker.kill();
          return isGone(pid) ? { pid, signal: 'SIGKILL', gone: true } : null;
        },
        // As an orchestrator does: started again at once, ready when it is.
        stop: async () => {
          await worker.start();
          return worker.pid === undefined ? null : { pid: worker.pid };
        },
      };
    case 'worker-stop':
      return {
        ...base,
        start: async () => {
          const { pid } = worker;
          if (pid === undefined) return null;
          // One that has just been started cannot stop in order yet.
          await worker.waitLive(READY_MS_MAX);
          await worker.stop(STOP_GRACE_MS);
          const exit = worker.exits.at(-1);
          return exit?.code === 0 ? { pid, signal: 'SIGTERM', exitCode: 0 } : null;
        },
        stop: () => startAgain(worker),
      };
    case 'worker-pause':
      return {
        ...base,
        start: async () => {
          const { pid } = worker;
          if (pid === undefined) return null;
          worker.pause();
          return (await untilState(pid, (state) => state === 'T')) ? { pid, state: 'T' } : null;
        },
        stop: async () => {
          const { pid } = worker;
          worker.resume();
          if (pid === undefined) return { pid: null, note: 'the process is gone' };
          return (await untilState(pid, (state) => state !== 'T')) ? { pid, state: 'running' } : null;
        },
      };
  }
}

async function startAgain(worker: WorkerProcess) {
  await worker.start();
  await worker.waitReady(READY_MS_MAX);
  return { pid: worker.pid, ready: true };
}

export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

/** True when the state is reached; a process that ended meanwhile is in none, which counts as not frozen. */
export async function untilState(pid: number, isReached: (state: string) => boolean): Promise<boolean> {
  const giveUpAtMs = Date.now() + STATE_MS_MAX;
  while (Date.now() < giveUpAtMs) {
    if (isReached((await processUsage(pid))?.state ?? 'gone')) return true;
    await sleep(POLL_INTERVAL_MS);
  }
  return false;
}
