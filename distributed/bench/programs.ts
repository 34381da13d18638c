/** Programs of one contestant as processes that end with the bench, however it ends. */
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Guardian } from '../stack/process/guardian.ts';
import { peakRssBytes } from './process-tree.ts';

const STOP_MS_MAX = 25_000;

export interface ProgramSpec {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export class Programs {
  private readonly guardian = new Guardian(mkdtempSync(join(tmpdir(), 'els-bench-')));
  private readonly children: ChildProcess[] = [];
  private readonly failure = new AbortController();
  private stopping: Promise<void> | null = null;

  /** Their words go to `<logFolder>/<name>.log`, but for the output of one that talks to us. */
  start(specs: readonly ProgramSpec[], logFolder: string, talks = false): void {
    mkdirSync(logFolder, { recursive: true });
    for (const spec of specs) {
      const logFile = join(logFolder, `${spec.name}.log`);
      const log = openSync(logFile, 'a');
      const [command, ...args] = spec.command;
      const child = this.guardian.spawn(command, args, {
        cwd: spec.cwd,
        env: { ...inheritedEnv(), ...spec.env },
        stdio: talks ? ['pipe', 'pipe', log] : ['ignore', log, log],
        endSignal: 'SIGKILL',
      });
      closeSync(log);
      this.children.push(child);
      child.once('exit', (code, killedBy) =>
        this.noteEnd(`${spec.name} ended (${killedBy ?? `exit ${code}`}), see ${logFile}`),
      );
    }
  }

  get pids(): number[] {
    return this.children.flatMap((child) => (child.pid === undefined ? [] : [child.pid]));
  }

  /** Aborted when a program ends that nobody stopped: whatever it was to do, it does no more. */
  get failed(): AbortSignal {
    return this.failure.signal;
  }

  /** The lines that the only program says; they end when it ends. */
  lines(): AsyncIterable<string> {
    const [only] = this.children;
    if (only?.stdout == null) throw new Error('no program that talks');
    return createInterface({ input: only.stdout });
  }

  /** A line to the only program, which waits for it. */
  proceed(): void {
    this.children[0]?.stdin?.write('go\n');
  }

  async peakRssBytes(): Promise<number> {
    return Math.max(0, ...(await Promise.all(this.pids.map(peakRssBytes))));
  }

  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private noteEnd(words: string): void {
    if (this.stopping === null) this.failure.abort(new Error(words));
  }

  private async end(): Promise<void> {
    await Promise.all(this.children.map(endOf));
    await this.guardian.release();
  }
}

/** Orderly, then by force. */
function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resolve();
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

/** What a program needs to run at all; the rest is the same for all contestants. */
function inheritedEnv(): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
