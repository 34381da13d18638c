/** What a command line of the harness asks for, checked. */
import { STACK_SOURCES } from '../stack/stack.ts';

/** `external`: all three servers are named by the environment. */
export const STACKS = [...STACK_SOURCES, 'external'] as const;
export const TIERS = ['quick', 'full'] as const;

export interface RunOptions {
  /** Names, in the order to run. */
  readonly scenarios: readonly string[];
  /** Null: each scenario's own. */
  readonly instances: readonly number[] | null;
  readonly durationSeconds: number | null;
  readonly seed: number;
  readonly stack: (typeof STACKS)[number];
  readonly outputFolder: string;
  readonly tier: (typeof TIERS)[number];
  readonly repeat: number;
  readonly mutant: string | null;
  /** Services of the compose stack that are left out. */
  readonly without: readonly string[];
  /** Prometheus beside the run. */
  readonly observe: boolean;
}

export const INSTANCES_MAX = 15;
export const REPEAT_MAX = 100;

/** The command line that does the same again. */
export function replayCommand(options: RunOptions): string {
  const words = [
    `--scenario ${options.scenarios.join(',')}`,
    ...(options.instances === null ? [] : [`--instances ${options.instances.join(',')}`]),
    ...(options.durationSeconds === null ? [] : [`--duration ${options.durationSeconds}`]),
    `--seed ${options.seed}`,
    `--tier ${options.tier}`,
    `--stack ${options.stack}`,
    ...(options.repeat > 1 ? [`--repeat ${options.repeat}`] : []),
    ...(options.mutant === null ? [] : [`--mutant ${options.mutant}`]),
    ...(options.without.length === 0 ? [] : [`--without ${options.without.join(',')}`]),
    ...(options.observe ? ['--observe'] : []),
  ];
  return `pnpm test:distributed ${words.join(' ')}`;
}
