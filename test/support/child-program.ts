import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const RUN = resolve(ROOT, 'bin/run.mjs');
const DEADLINE_MS = 30_000;

/** A program as a real process, its output watched. It gets no environment but what it is given, and the path. */
export class ChildCommand {
  private readonly process: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  private readonly closed: Promise<unknown[]>;

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = ROOT) {
    const { PATH = '' } = process.env;
    this.process = spawn(command, [...args], { cwd, env: { PATH, ...env } });
    this.process.stdout.on('data', (chunk) => {
      this.stdout += String(chunk);
    });
    this.process.stderr.on('data', (chunk) => {
      this.stderr += String(chunk);
    });
    this.closed = once(this.process, 'close');
  }

  /** Resolves when the text was written to standard output; rejects at the end of the process or the deadline. */
  async printed(text: string): Promise<void> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), DEADLINE_MS);
    const ended = this.closed.then(() => 'ended' as const);
    while (!this.stdout.includes(text)) {
      if ((await Promise.race([once(this.process.stdout, 'data'), ended])) === 'ended') {
        break;
      }
    }
    clearTimeout(timer);
    if (!this.stdout.includes(text)) {
      throw new Error(`never printed ${text}: ${this.stdout}${this.stderr}`);
    }
  }

  /** The exit code; null when it had to be killed at the deadline. */
  async exited(): Promise<number | null> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), DEADLINE_MS);
    await this.closed;
    clearTimeout(timer);
    return this.process.exitCode;
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** The first log line with this message. */
  logged(message: string): Record<string, unknown> | undefined {
    return this.logLines().find(({ msg }) => msg === message);
  }

  /** Messages of the JSON log lines. */
  messages(): string[] {
    return this.logLines().map((line) => String(line['msg']));
  }

  logLines(): Record<string, unknown>[] {
    // Of a running process the last line may be cut off.
    return this.stdout
      .slice(0, this.stdout.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

/** A TypeScript program of the repository. */
export class ChildProgram extends ChildCommand {
  constructor(file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}, cwd?: string) {
    super(process.execPath, [RUN, resolve(ROOT, file), ...args], env, cwd);
  }
}
