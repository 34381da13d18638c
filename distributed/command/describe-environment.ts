/** `env.json` of a run: what it runs on, and how to run it again. */
import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { type Environment, SCHEMA_VERSION } from '../run/environment.ts';
import { runCommand } from '../stack/process/run-command.ts';
import type { Stack } from '../stack/stack.ts';
import { type RunOptions, replayCommand } from './run-options.ts';

const GIT_MS_MAX = 5_000;

export type CommonEnvironment = Omit<
  Environment,
  'runId' | 'scenario' | 'seed' | 'options' | 'instances' | 'startedAt'
>;

export async function describeEnvironment(
  root: string,
  stack: Pick<Stack, 'description'>,
  options: RunOptions,
): Promise<CommonEnvironment> {
  return {
    schemaVersion: SCHEMA_VERSION,
    tier: options.tier,
    stack: options.stack,
    servers: describeServers(stack),
    commit: await commitOf(root),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    replay: replayCommand(options),
  };
}

export function describeServers(stack: Pick<Stack, 'description'>): Environment['servers'] {
  const server = (kind: 'postgres' | 'redis' | 'kafka') => ({ version: stack.description[kind], real: true });
  return { postgres: server('postgres'), redis: server('redis'), kafka: server('kafka') };
}

/** With `+` behind it when files differ from it; null outside a git checkout. */
export async function commitOf(root: string): Promise<string | null> {
  if (!existsSync(join(root, '.git'))) return null;
  const git = (...args: string[]) => runCommand('git', args, { cwd: root, runMsMax: GIT_MS_MAX });
  try {
    const [commit, changes] = [await git('rev-parse', 'HEAD'), await git('status', '--porcelain')];
    return `${commit.trim()}${changes.trim() === '' ? '' : '+'}`;
  } catch {
    return null;
  }
}
