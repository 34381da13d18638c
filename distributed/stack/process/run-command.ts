/**
 * Runs a program to its end, bounded in time, in a process group of its own that the guardian knows, if there is one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Guardian } from './guardian.ts';
import { StackError } from './stack-error.ts';

const OUTPUT_CHARS_MAX = 1_000_000;
const WORDS_CHARS_MAX = 600;
const STDIO = ['ignore', 'pipe', 'pipe'] as const;
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

export interface CommandOptions {
  readonly guardian?: Guardian;
  readonly signal?: AbortSignal;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  readonly runMsMax: number;
}

/** Standard output of the program; a StackError with its last words if it fails. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const { guardian, signal, runMsMax, ...spawnOptions } = options;
    if (signal?.aborted) return reject(new StackError(`${command} was not run: the start was given up`));
    const child: ChildProcess =
      guardian === undefined
        ? spawn(command, args, { ...spawnOptions, stdio: [...STDIO], detached: true })
        : guardian.spawn(command, args, { ...spawnOptions, stdio: STDIO, endSignal: 'SIGKILL' });
    let output = '';
    let words = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-OUTPUT_CHARS_MAX);
      words = (words + chunk.toString()).slice(-OUTPUT_CHARS_MAX);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      words = (words + chunk.toString()).slice(-OUTPUT_CHARS_MAX);
    });
    const kill = () => killGroup(child.pid);
    const timer = setTimeout(kill, runMsMax);
    signal?.addEventListener('abort', kill, { once: true });
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
    };
    child.once('error', (error) => {
      settle();
      reject(new StackError(`${command} cannot be run: ${error.message}`, { cause: error }));
    });
    child.once('close', (code, killedBy) => {
      settle();
      if (code === 0) resolve(output);
      else
        reject(
          new StackError(`${command} ${args[0] ?? ''} failed (${killedBy ?? `exit ${code}`}): ${lastWords(words)}`),
        );
    });
  });
}

/** What an output says about a failure, as one line: its first lines marked as errors, else its last lines. */
export function lastWords(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.replaceAll(COLOURS, '').trim())
    .filter((line) => line !== '');
  const errors = lines.filter((line) => /^(\[ERROR\]|E:|ERROR|FATAL|\S* ERROR) ?\S/.test(line));
  const telling = errors.length > 0 ? errors.slice(0, 2) : lines.slice(-5);
  return telling.join(' | ').slice(0, WORDS_CHARS_MAX) || 'it said nothing';
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
