/**
 * One worker of the product as a real process: started, waited for, stopped, killed, frozen, started again, always
 * under the same instance name and log file. The guardian ends it if we are killed ourselves.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../stack/process/free-port.ts';
import type { Guardian } from '../stack/process/guardian.ts';
import { runnerOf } from './product.ts';

const POLL_INTERVAL_MS = 50;
const PROBE_MS_MAX = 1_000;
const KILL_MS_MAX = 5_000;

export interface WorkerSettings {
  /** INSTANCE_ID of the process and name of its log file. */
  readonly name: string;
  /** Checkout of the product. */
  readonly root: string;
  /** Program within it. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFolder: string;
  /** A program that starts what follows it, for example within limits; empty to start it directly. */
  readonly launcher?: readonly string[];
  readonly guardian: Guardian;
}

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** We asked for it, by stop or kill. */
  readonly asked: boolean;
  readonly atMs: number;
}

export class WorkerProcess {
  private readonly settings: WorkerSettings;
  private child: ChildProcess | null = null;
  private port = 0;
  private exitAsked = false;
  private readonly pastExits: WorkerExit[] = [];
  /** Called at every exit, asked for or not. */
  onExit: ((exit: WorkerExit) => void) | null = null;

  constructor(settings: WorkerSettings) {
    this.settings = settings;
  }

  get name(): string {
    return this.settings.name;
  }

  get running(): boolean {
    return this.child !== null;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get logFile(): string {
    return join(this.settings.logFolder, `${this.settings.name}.jsonl`);
  }

  get exits(): readonly WorkerExit[] {
    return this.pastExits;
  }

  async start(): Promise<void> {
    if (this.child !== null) {
      return;
    }
    const [port] = await freePorts(1);
    this.port = port ?? 0;
    this.exitAsked = false;
    const { root, program, env, name, guardian, launcher = [] } = this.settings;
    const log = openSync(this.logFile, 'a');
    const [command = process.execPath, ...args] = [...launcher, process.execPath, ...runnerOf(root), program];
    const child = guardian.spawn(command, args, {
      cwd: root,
      env: { ...inheritedEnv(), ...env, INSTANCE_ID: name, HTTP_PORT: String(this.port) },
      stdio: ['ignore', log, log],
      endSignal: 'SIGKILL',
    });
    closeSync(log);
    this.child = child;
    const ended = (code: number | null, signal: NodeJS.Signals | null) => {
      if (this.child !== child) {
        return;
      }
      this.child = null;
      const exit = { code, signal, asked: this.exitAsked, atMs: Date.now() };
      this.pastExits.push(exit);
      this.onExit?.(exit);
    };
    child.once('exit', ended);
    child.once('error', () => ended(null, null));
  }

  /** Resolves when GET /ready answers 200; rejects when the process ends first or the deadline passes. */
  waitReady(deadlineMs: number, signal?: AbortSignal): Promise<void> {
    return this.waitAnswer('/ready', deadlineMs, signal);
  }

  /** The same for when it runs at all: from then on it stops in order when it is asked to. */
  waitLive(deadlineMs: number): Promise<void> {
    return this.waitAnswer('/live', deadlineMs);
  }

  private async waitAnswer(path: string, deadlineMs: number, signal?: AbortSignal): Promise<void> {
    const giveUpAtMs = Date.now() + deadlineMs;
    const { child } = this;
    for (;;) {
      signal?.throwIfAborted();
      if (child === null || this.child !== child) {
        throw new Error(`${this.name} ended before ${path} answered, see ${this.logFile}`);
      }
      if ((await this.get(path)) !== null) {
        return;
      }
      if (Date.now() > giveUpAtMs) {
        throw new Error(`${path} of ${this.name} did not answer within ${deadlineMs} ms, see ${this.logFile}`);
      }
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** Body of a 200 answer, null for any other answer or none. */
  async get(path: string): Promise<string | null> {
    try {
      const response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(PROBE_MS_MAX) });
      const body = await response.text();
      return response.status === 200 ? body : null;
    } catch {
      return null;
    }
  }

  /** Somebody else has arranged for the end that comes next: it counts as asked for. */
  expectEnd(): void {
    this.exitAsked = true;
  }

  /** Orderly end, by force when it takes longer than the grace. Resolves when the process is gone. */
  async stop(graceMs: number): Promise<void> {
    this.exitAsked = true;
    this.child?.kill('SIGTERM');
    this.child?.kill('SIGCONT');
    if (!(await this.gone(graceMs))) {
      await this.kill();
    }
  }

  /** SIGKILL: no farewell. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.exitAsked = true;
    this.child?.kill('SIGKILL');
    if (!(await this.gone(KILL_MS_MAX))) {
      throw new Error(`${this.name} survived SIGKILL for ${KILL_MS_MAX} ms`);
    }
  }

  /** Freezes it where it stands, locks and sockets open. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  private async gone(waitMsMax: number): Promise<boolean> {
    const giveUpAtMs = Date.now() + waitMsMax;
    while (this.child !== null && Date.now() < giveUpAtMs) {
      await sleep(POLL_INTERVAL_MS);
    }
    return this.child === null;
  }
}

/** What a program needs to run at all; settings of the product come from the caller alone. */
function inheritedEnv(): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'NODE_OPTIONS', 'SystemRoot'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
