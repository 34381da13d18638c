/** What happens to the clock of a worker: it steps. What the worker tells the time is by HTTP is the witness. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerProcess } from '../cluster/worker-process.ts';
import { clockSetting } from '../stack/programs/faketime.ts';
import type { Evidence, Injector } from './injector.ts';

const SEEN_MS_MAX = 10_000;
const POLL_INTERVAL_MS = 100;
const ANSWER_MS_MAX = 1_000;
/** The header has whole seconds, which may be as old as that. */
const COARSE_SECONDS = 3;

export interface ClockStep {
  readonly worker: WorkerProcess;
  /** That its clock follows. */
  readonly file: string;
  readonly aheadSeconds: number;
}

/** All at once, and all back at once. */
export function clocksStepped(steps: readonly ClockStep[]): Injector {
  const setAll = async (secondsOf: (step: ClockStep) => number): Promise<Evidence | null> => {
    await Promise.all(steps.map((step) => writeFile(step.file, clockSetting(secondsOf(step)))));
    const seen = await Promise.all(steps.map((step) => untilAhead(step.worker, secondsOf(step))));
    return seen.includes(null) ? null : { aheadSeconds: seen };
  };
  return {
    fault: 'clock-step',
    target: steps.map(({ worker, aheadSeconds }) => `${worker.name} ${aheadSeconds} s`).join(', '),
    start: () => setAll(({ aheadSeconds }) => aheadSeconds),
    stop: () => setAll(() => 0),
  };
}

async function untilAhead(worker: WorkerProcess, wantedSeconds: number): Promise<number | null> {
  const giveUpAtMs = performance.now() + SEEN_MS_MAX;
  while (performance.now() < giveUpAtMs) {
    const ahead = await secondsAhead(worker).catch(() => Number.NaN);
    if (Math.abs(ahead - wantedSeconds) <= COARSE_SECONDS) return ahead;
    await sleep(POLL_INTERVAL_MS);
  }
  return null;
}

/** Of this machine's clock, by the date of an answer. */
async function secondsAhead({ url }: WorkerProcess): Promise<number> {
  const { headers } = await fetch(`${url}/live`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  return Math.round((Date.parse(headers.get('date') ?? '') - Date.now()) / 1_000);
}
