/**
 * Watchers of one batch in processes of their own, as many as one can bear each: the harness has other things to do, and
 * what they are told is stamped when it comes. They end with the harness, however it ends.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Guardian } from '../stack/process/guardian.ts';
import { until } from '../stack/process/until.ts';
import { LEAVE, type WatchingState, type WatchingTask, watchingState } from './watching.ts';

const PROGRAM = 'distributed/bin/watch.ts';
const PER_PROCESS_MAX = 5_000;
const COME_MS_MAX = 120_000;
const LEAVE_MS_MAX = 30_000;
const POLL_MS = 100;
/** Ours. */
const STDERR = 2;

export interface DistantOptions extends Pick<WatchingTask, 'urls' | 'batchId' | 'startedAtMs' | 'seed'> {
  readonly root: string;
  readonly count: number;
  /** Where the process of this number writes down what its watchers get. */
  readonly fileOf: (process: number) => string;
}

export class DistantWatchers {
  private readonly guardian = new Guardian(mkdtempSync(join(tmpdir(), 'els-watchers-')));
  private readonly count: number;
  private readonly children: readonly ChildProcess[];
  private readonly states = new Map<ChildProcess, WatchingState>();

  constructor({ count, root, fileOf, ...task }: DistantOptions) {
    this.count = count;
    const processes = Math.ceil(count / PER_PROCESS_MAX);
    this.children = Array.from({ length: processes }, (_, index) => {
      const own = Math.floor(count / processes) + (index < count % processes ? 1 : 0);
      const names = `process-${index + 1}`;
      const given: WatchingTask = { ...task, names, count: own, file: fileOf(index + 1), seed: task.seed + index };
      return this.spawn(root, given);
    });
  }

  /** Everybody is there and has the state of the batch. */
  async untilTold(): Promise<void> {
    await this.until(() => this.told === this.count, COME_MS_MAX, 'not every watcher got a snapshot');
  }

  /** Everybody has heard of everything up to it. */
  async untilHeard(version: number): Promise<void> {
    const haveAll = () => this.children.every((child) => this.states.get(child)?.version === version);
    await this.until(haveAll, COME_MS_MAX, 'not every watcher heard of everything');
  }

  async leave({ atRest }: { readonly atRest: boolean }): Promise<void> {
    try {
      for (const { stdin } of this.children) stdin?.write(`${atRest ? LEAVE.atRest : LEAVE.now}\n`);
      const areGone = () => this.children.every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
      await this.until(areGone, LEAVE_MS_MAX, 'watchers did not leave');
    } finally {
      await this.guardian.release();
    }
  }

  private get told(): number {
    return [...this.states.values()].reduce((sum, { told }) => sum + told, 0);
  }

  private spawn(root: string, task: WatchingTask): ChildProcess {
    const args = ['--import', 'tsx', PROGRAM, JSON.stringify(task)];
    const stdio = ['pipe', 'pipe', STDERR] as const;
    const child = this.guardian.spawn(process.execPath, args, { cwd: root, stdio, endSignal: 'SIGKILL' });
    child.stdin?.on('error', () => undefined);
    if (child.stdout === null) throw new Error('a process without output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.states.set(child, watchingState.parse(JSON.parse(line)));
    });
    return child;
  }

  private async until(isSo: () => boolean, limitMs: number, failure: string): Promise<void> {
    await until(async () => isSo(), new Error(failure), { limitMs, intervalMs: POLL_MS });
  }
}
