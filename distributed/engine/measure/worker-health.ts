/** What workers say of themselves by HTTP: when they noticed that something is away, and when that it is back. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerProcess } from '../../cluster/worker-process.ts';
import type { HealthStatus } from '../../run/watch-record.ts';

const INTERVAL_MS = 100;
const ANSWER_MS_MAX = 1_000;

/** Of one worker, as anybody may ask. */
export async function healthOf(worker: Pick<WorkerProcess, 'url'>): Promise<HealthStatus> {
  try {
    const response = await fetch(`${worker.url}/health`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const body = (await response.json()) as { status?: unknown };
    return body.status === 'healthy' || body.status === 'degraded' ? body.status : 'unhealthy';
  } catch {
    return 'silent';
  }
}

export interface HealthWait {
  readonly workers: readonly Pick<WorkerProcess, 'url'>[];
  readonly isSo: (status: HealthStatus) => boolean;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** How long it took until the last of the workers had said so once; null: not within the limit. */
export async function untilAllSay({ workers, isSo, limitMs, signal }: HealthWait): Promise<number | null> {
  const startedAtMs = performance.now();
  const untilSaid = async (worker: Pick<WorkerProcess, 'url'>) => {
    while (!isSo(await healthOf(worker))) {
      if (performance.now() - startedAtMs > limitMs) return null;
      await sleep(INTERVAL_MS, undefined, { signal });
    }
    return performance.now() - startedAtMs;
  };
  const took = await Promise.all(workers.map(untilSaid));
  return took.reduce((longest, each) => (longest === null || each === null ? null : Math.max(longest, each)), 0);
}
