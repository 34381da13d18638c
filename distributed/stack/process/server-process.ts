/**
 * One server of the stack as a child process. `start` resolves when it accepts connections, and may be called again
 * after `stop` or a kill: same port, same data. Every wait is bounded.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EndSignal, Guardian } from './guardian.ts';
import { lastWords } from './run-command.ts';
import type { Server, ServerIdentity } from './server.ts';
import { PortTakenError, StackError } from './stack-error.ts';

const POLL_MS = 15;
const REMAINS_MS = 100;
const OUTPUT_BYTES_MAX = 1_000_000;
const PORT_TAKEN = /address already in use|could not bind|Failed to bind/i;

export interface ServerSettings {
  readonly name: string;
  readonly port: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly logFile: string;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** Occurs in the output when connections are accepted. */
  readonly readyPattern: RegExp;
  /** In the output of a start that failed: remains of a killed predecessor are in the way, and will be gone soon. */
  readonly remainsPattern?: RegExp;
  readonly startMsMax: number;
  /** Asks for an orderly end. */
  readonly stopSignal: 'SIGTERM' | 'SIGINT';
  readonly stopMsMax: number;
  /** Ends it at once without leaving processes or shared memory behind; the data no longer matters. */
  readonly abandonSignal: EndSignal;
}

export class ServerProcess implements Server {
  readonly host = '127.0.0.1';
  readonly #settings: ServerSettings;
  readonly #guardian: Guardian;
  #child: ChildProcess | undefined;
  #spawnError = '';

  constructor(settings: ServerSettings, guardian: Guardian) {
    this.#settings = settings;
    this.#guardian = guardian;
  }

  get name(): string {
    return this.#settings.name;
  }

  get port(): number {
    return this.#settings.port;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get identity(): ServerIdentity | undefined {
    return this.pid === undefined ? undefined : { pid: this.pid };
  }

  get logFile(): string {
    return this.#settings.logFile;
  }

  async start(abort?: AbortSignal): Promise<void> {
    const deadlineMs = Date.now() + this.#settings.startMsMax;
    while (this.#child === undefined) {
      const outputStart = await sizeOf(this.logFile);
      const problem = await this.#startOnce(outputStart, deadlineMs, abort);
      if (problem === undefined) return;
      const remains = this.#settings.remainsPattern?.test(await readFrom(this.logFile, outputStart)) ?? false;
      if (!remains || Date.now() > deadlineMs) throw await this.#failure(problem, outputStart);
      await sleep(REMAINS_MS);
    }
  }

  /** What went wrong, if anything did; the process is gone then. */
  async #startOnce(outputStart: number, deadlineMs: number, abort?: AbortSignal): Promise<string | undefined> {
    const { startMsMax, readyPattern, logFile } = this.#settings;
    const child = this.#spawn();
    while (!readyPattern.test(await readFrom(logFile, outputStart))) {
      if (this.#child !== child) return 'ended while it started';
      if (abort?.aborted || Date.now() > deadlineMs) {
        await this.abandon();
        return abort?.aborted ? 'was not needed any more' : `was not ready within ${startMsMax / 1_000} s`;
      }
      await sleep(POLL_MS);
    }
    return this.#child === child ? undefined : 'ended as soon as it was ready';
  }

  async stop(): Promise<void> {
    if (this.#child === undefined) return;
    this.#signal(this.#settings.stopSignal);
    this.#signal('SIGCONT');
    if (await this.#gone(this.#settings.stopMsMax)) return;
    await this.kill('SIGKILL');
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#signal(signal);
    if (signal === 'SIGKILL') await this.#gone(this.#settings.stopMsMax);
  }

  async abandon(): Promise<void> {
    if (this.#child === undefined) return;
    this.#signal(this.#settings.abandonSignal);
    this.#signal('SIGCONT');
    if (await this.#gone(this.#settings.stopMsMax)) return;
    await this.kill('SIGKILL');
  }

  #spawn(): ChildProcess {
    const { command, args, env, folder, logFile, user, abandonSignal } = this.#settings;
    const output = openSync(logFile, 'a');
    const stdio = ['ignore', output, output] as const;
    const child = this.#guardian.spawn(command, args, { cwd: folder, env, stdio, endSignal: abandonSignal, ...user });
    closeSync(output);
    this.#child = child;
    this.#spawnError = '';
    const ended = () => {
      if (this.#child === child) this.#child = undefined;
    };
    child.once('error', (error) => {
      this.#spawnError = error.message;
      ended();
    });
    child.once('exit', ended);
    return child;
  }

  #signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async #gone(waitMsMax: number): Promise<boolean> {
    const deadlineMs = Date.now() + waitMsMax;
    while (this.#child !== undefined && Date.now() < deadlineMs) await sleep(POLL_MS);
    return this.#child === undefined;
  }

  async #failure(what: string, outputStart: number): Promise<StackError> {
    const output = await readFrom(this.#settings.logFile, outputStart);
    const message = `${this.name} ${what}: ${this.#spawnError || lastWords(output)}`;
    return PORT_TAKEN.test(output) ? new PortTakenError(message) : new StackError(message);
  }
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    (found) => found.size,
    () => 0,
  );
}

async function readFrom(file: string, position: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const start = Math.max(position, size - OUTPUT_BYTES_MAX);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
